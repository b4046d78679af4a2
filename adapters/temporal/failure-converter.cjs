// CommonJS on purpose: the SDK loads this file with `require` in the processes and puts it into the workflows' bundle.
const { DefaultFailureConverter } = require('@temporalio/common');

/** Puts a failure's message and stack into a payload, so that the codec encrypts them like everything else. */
class EncodedFailureConverter extends DefaultFailureConverter {
  constructor() {
    super({ encodeCommonAttributes: true });
  }

  /** A copy: the SDK would write "Encoded failure" over the message of the error that it was given, and lose it at the second time. */
  errorToFailureInner(...args) {
    return { ...super.errorToFailureInner(...args) };
  }
}

exports.failureConverter = new EncodedFailureConverter();
