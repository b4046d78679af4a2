/** Does one thing for each item, at most `atOnce` at once. Results in the order of their ends. */
export async function inTurns<T, R>(atOnce: number, items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  const left = [...items];
  const work = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) done.push(await act(item));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return done;
}
