import type { Circumstances } from './figures.ts';

/** What one suite measured, with where and when. */
export type Figures = Partial<Circumstances> & Record<string, unknown>;

/** One row of the report: what was counted, and how much it came to. */
export type Row = [figure: string, value: string];

export interface Suite {
  /** Its heading in the report. */
  title: string;
  /** What a person runs to get it again. */
  command: string;
  /** npm's arguments when the whole report is made; undefined: too long for that, run it by itself. */
  args: readonly string[] | undefined;
  /** It is ended after so long, minutes. */
  minutes: number;
  /** The file below `.alta/proof`, without its ending. */
  file: string;
  rows(figures: Figures): Row[];
}
