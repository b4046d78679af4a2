import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Rooms whose code makes outside effects; the local stack and tests are not the product. */
const ROOMS = ['activities', 'adapters', 'client', 'worker'];
/** What hands a name on to `effect`: the names stand where these are called. */
const WRAPPERS: ReadonlySet<string> = new Set(['adapters/effect.ts', 'adapters/admin-db/db.ts', 'client/temporal.ts']);
/** Functions that take a boundary's name, and which argument it is. */
const NAMED_BY: Readonly<Record<string, number>> = { effect: 0, callTemporal: 1, tx: 0 };

export interface Boundary {
  /** As effects are called; a part that is only known when it runs is a `*`. */
  name: string;
  /** A file of the product that passes it. */
  file: string;
}

/**
 * Every effect boundary that the code has: what is named in `effect(…)`, `callTemporal(…)` and `db.tx(…)`, and every named statement that
 * some caller runs on the Admin DB itself. A statement that runs only within transactions is no boundary of its own: the transaction is.
 * Throws for a name that cannot be read from the code.
 */
export function boundariesInCode(): Boundary[] {
  const files = ROOMS.flatMap((room) => globSync('**/*.ts', { cwd: join(ROOT, room) }).map((file) => join(ROOT, room, file)));
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
  });
  const sources = program.getSourceFiles().filter(({ fileName }) => files.includes(fileName));
  const checker = program.getTypeChecker();
  const callers = whoCalls(checker, sources);
  const reach = whoGetsTheAdminDb(checker, callers);
  const found = new Map<string, Boundary>();
  for (const source of sources) {
    const file = relative(ROOT, source.fileName);
    const add = (node: ts.Expression): void => {
      const names = namesOf(node, callers);
      if (names === undefined) throw new Error(`${file}: the name of a boundary is written nowhere: ${node.getText(source)}`);
      for (const name of names) if (!found.has(name)) found.set(name, { name, file });
    };
    each(source, (node) => {
      if (ts.isCallExpression(node) && !WRAPPERS.has(file)) {
        const index = NAMED_BY[calleeName(node)];
        const argument = index === undefined ? undefined : node.arguments[index];
        if (argument !== undefined && (calleeName(node) !== 'tx' || isAdminDb(checker, receiver(node)))) add(argument);
      }
      if (ts.isObjectLiteralExpression(node)) {
        const statement = statementOf(node);
        if (statement !== undefined && reach(node)) add(statement);
      }
    });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether a boundary of the code, which may have a `*`, is this one of a run. */
export const isBoundary = ({ name }: Boundary, passed: string): boolean =>
  name.includes('*') ? new RegExp(`^${name.split('*').join('.+')}$`).test(passed) : name === passed;

function each(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => each(child, visit));
}

function calleeName({ expression }: ts.CallExpression): string {
  if (ts.isIdentifier(expression)) return expression.text;
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : '';
}

const receiver = ({ expression }: ts.CallExpression): ts.Expression | undefined =>
  ts.isPropertyAccessExpression(expression) ? expression.expression : undefined;

/** The name of a named statement, when this object is one. */
function statementOf(node: ts.ObjectLiteralExpression): ts.Expression | undefined {
  const property = (name: string): ts.ObjectLiteralElementLike | undefined =>
    node.properties.find((one) => one.name !== undefined && ts.isIdentifier(one.name) && one.name.text === name);
  const name = property('name');
  if (name === undefined || property('text') === undefined || !ts.isPropertyAssignment(name)) return undefined;
  return /admin-db\./.test(name.initializer.getText()) ? name.initializer : undefined;
}

/** Whether an expression is the Admin DB itself and no transaction: only that opens transactions. */
const isAdminDb = (checker: ts.TypeChecker, node: ts.Expression | undefined): boolean =>
  node !== undefined && checker.getTypeAtLocation(node).getProperty('tx') !== undefined;

interface Callers {
  symbolOf(node: ts.Node): ts.Symbol | undefined;
  /** What is given for a parameter, wherever its function is called by name. */
  given(parameter: ts.ParameterDeclaration): ts.Expression[];
}

function whoCalls(checker: ts.TypeChecker, sources: readonly ts.SourceFile[]): Callers {
  const symbolOf = (node: ts.Node): ts.Symbol | undefined => {
    const symbol = checker.getSymbolAtLocation(node);
    return symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  };
  const calls = new Map<ts.Symbol, ts.CallExpression[]>();
  for (const source of sources)
    each(source, (node) => {
      if (!ts.isCallExpression(node)) return;
      const symbol = symbolOf(ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression);
      if (symbol !== undefined) calls.set(symbol, [...(calls.get(symbol) ?? []), node]);
    });
  return {
    symbolOf,
    given(parameter) {
      const owner = parameter.parent;
      const named = ts.isFunctionDeclaration(owner) ? owner.name : ts.isVariableDeclaration(owner.parent) ? owner.parent.name : undefined;
      const symbol = named === undefined ? undefined : symbolOf(named);
      const index = owner.parameters.indexOf(parameter);
      return (symbol === undefined ? [] : (calls.get(symbol) ?? [])).flatMap((call) => call.arguments[index] ?? []);
    },
  };
}

const parameterOf = (node: ts.Expression, { symbolOf }: Callers): ts.ParameterDeclaration | undefined => {
  const declared = ts.isIdentifier(node) ? symbolOf(node)?.valueDeclaration : undefined;
  return declared !== undefined && ts.isParameter(declared) ? declared : undefined;
};

/** The names that an expression may be: a text, one of two, a template, or what callers give. Undefined when that is written nowhere. */
function namesOf(node: ts.Expression, callers: Callers): string[] | undefined {
  if (ts.isStringLiteralLike(node)) return [node.text];
  const all = (parts: readonly ts.Expression[]): string[] | undefined => {
    const names = parts.map((part) => namesOf(part, callers));
    return names.length === 0 || names.includes(undefined) ? undefined : names.flatMap((one) => one ?? []);
  };
  if (ts.isConditionalExpression(node)) return all([node.whenTrue, node.whenFalse]);
  if (ts.isTemplateExpression(node))
    return node.templateSpans.reduce(
      (heads, { expression, literal }) =>
        heads.flatMap((head) => (namesOf(expression, callers) ?? ['*']).map((part) => `${head}${part}${literal.text}`)),
      [node.head.text],
    );
  const declared = ts.isIdentifier(node) ? callers.symbolOf(node)?.valueDeclaration : undefined;
  if (declared !== undefined && ts.isVariableDeclaration(declared) && declared.initializer) return namesOf(declared.initializer, callers);
  const parameter = parameterOf(node, callers);
  return parameter === undefined ? undefined : all(callers.given(parameter));
}

/** Tells of a statement whether any caller, however far away, gives it the Admin DB itself to run on. */
function whoGetsTheAdminDb(checker: ts.TypeChecker, callers: Callers): (statement: ts.ObjectLiteralExpression) => boolean {
  const known = new Map<ts.Node, boolean>();
  /** Whether this expression, which runs statements, may be the Admin DB. */
  const mayBe = (node: ts.Expression): boolean => {
    if (isAdminDb(checker, node)) return true;
    const parameter = parameterOf(node, callers);
    if (parameter === undefined) return false;
    const before = known.get(parameter);
    if (before !== undefined) return before;
    known.set(parameter, false);
    const answer = callers.given(parameter).some(mayBe);
    known.set(parameter, answer);
    return answer;
  };
  return (statement) => {
    let call: ts.Node = statement.parent;
    while (!ts.isCallExpression(call) && !ts.isSourceFile(call)) call = call.parent;
    if (!ts.isCallExpression(call)) return true;
    // `db.query({…})`, or a helper that takes the database first.
    const on = calleeName(call) === 'query' ? receiver(call) : call.arguments[0];
    return on === undefined || on === statement || mayBe(on);
  };
}
