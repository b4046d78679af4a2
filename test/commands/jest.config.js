import base from '../../jest.config.js';

/** `npm run test:commands`: what takes too long for every commit. Its options come through the environment from `main.ts`. */
export default { ...base, rootDir: '../..', testMatch: ['<rootDir>/test/commands/*.runs.ts'], maxWorkers: 1 };
