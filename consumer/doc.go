// Package consumer reads a store from a checkpoint and calls handlers: a named, durable reader that retries and resumes.
//
// Guarantees, each with a test:
//
//   - Order: records of one key (by default the stream) are handled one after the other, in order. Different keys are handled at
//     the same time.
//   - At least once: the checkpoint moves only past records whose handler returned nil, or that the consumer was told to skip. After
//     a crash some records are handled again; the event id is what to deduplicate by.
//   - Retry: a failed or panicking handler is called again with exponential backoff and jitter. Records of its key wait meanwhile;
//     others flow, up to 16,384 records ahead of it. When attempts are spent the consumer halts and says which record stopped it,
//     unless it was told to skip. Nothing is skipped silently.
//   - What streams no longer keep (store.StreamMeta) is passed over: a consumer that is behind never hears of it, and goes on with
//     what is left.
//   - Old types: a handler of an event type also gets the records of other types that upcasters lift into it.
//   - Causation: what a handler publishes with the context it got is linked to the record it handles.
//   - Stop: when its context ends, Run takes no more records, lets running handlers finish within Config.StopTimeout, saves the
//     checkpoint and returns.
//   - One run moves a checkpoint: a second run of the same consumer ends the first one with ErrTaken when it saves its progress.
package consumer
