import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** The rooms of the house and what each may import from (ARCHITECTURE.md, "Rooms and arrows"). */
const ARROWS = {
  contract: [],
  workflows: ['contract'],
  adapters: ['contract'],
  activities: ['contract', 'adapters'],
  worker: ['contract', 'adapters', 'activities', 'workflows'],
  client: ['contract', 'adapters'],
};
const ROOMS = [...Object.keys(ARROWS), 'local', 'test'];

const zones = Object.entries(ARROWS).flatMap(([target, allowed]) =>
  // The types of activities may enter workflows/; the rule for workflow code below keeps everything else of them out.
  ROOMS.filter((from) => from !== target && !allowed.includes(from) && !(target === 'workflows' && from === 'activities')).map((from) => ({
    target: `./${target}`,
    from: `./${from}`,
    message: `${target}/ may import from ${allowed.join(', ') || 'nothing'} only.`,
  })),
);

export default tseslint.config(
  { ignores: ['node_modules', '.alta', 'dist', 'coverage', 'test/histories'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-console': 'error',
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
    },
  },
  {
    // Workflow code is deterministic: contract/ and the types of activities in, nothing else.
    files: ['workflows/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['node:*', '@temporalio/client', '@temporalio/worker', '@temporalio/activity'], message: 'not in workflow code' },
          ],
        },
      ],
      'no-restricted-globals': ['error', 'process', 'setInterval', 'fetch', 'crypto'],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ group: ['**/activities/**'], allowTypeImports: true, message: 'workflows import the types of activities only' }] },
      ],
    },
  },
  {
    files: ['contract/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ group: ['node:*', 'pg', '@supabase/*'], message: 'contract/ does no I/O' }] }],
    },
  },
  { files: ['local/**/*.ts', 'client/cli/**/*.ts', 'test/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    // Test worlds are plain objects of functions, which tests take apart.
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/unbound-method': 'off', '@typescript-eslint/no-meaningless-void-operator': 'off' },
  },
);
