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
//     unless it was told to skip. Nothing is skipped silently. Appending to a tombstoned stream can never succeed, and so is not
//     tried again.
//   - Middleware (Config.Middleware, outside of Handler.With) is around each of these calls, and what it returns is their outcome: it
//     decides about retry, halt and checkpoint. The record's bytes are Call.Data, and the handler gets what the innermost middleware
//     hands on. A record whose type cannot be told reaches neither.
//   - What streams no longer keep (store.StreamMeta) is passed over: a consumer that is behind never hears of it, and goes on with
//     what is left.
//   - Old types: a handler of an event type also gets the records of other types that upcasters lift into it.
//   - Causation: what a handler publishes with the context it got is linked to the record it handles.
//   - Stop: when its context ends, Run takes no more records, lets running handlers finish within Config.StopTimeout, saves the
//     checkpoint and returns.
//   - One run moves a checkpoint: a second run of the same consumer ends the first one with ErrTaken when it saves its progress.
package consumer
