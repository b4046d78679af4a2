const { createInstrumenter } = require('istanbul-lib-instrument');

/** A webpack loader that counts what a workflow's source does, before its types are taken off. It comes with jest. */
module.exports = function instrument(source) {
  const instrumenter = createInstrumenter({
    esModules: true,
    parserPlugins: ['typescript'],
    // Workflow code runs in an isolate that has no other way to its globals.
    coverageGlobalScope: 'globalThis',
    coverageGlobalScopeFunc: false,
    compact: false,
  });
  return instrumenter.instrumentSync(source, this.resourcePath);
};
