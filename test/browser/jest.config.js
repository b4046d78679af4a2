import base from '../../jest.config.js';

/** `npm run test:browser`: what needs a Chromium, which not every machine has. Each file brings up the local stack by itself. */
const { globalSetup: _setup, globalTeardown: _teardown, ...rest } = base;
export default { ...rest, rootDir: '../..', testMatch: ['<rootDir>/test/browser/*.browser.ts'], maxWorkers: 1 };
