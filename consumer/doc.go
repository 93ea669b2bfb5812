// Package consumer reads a store from a checkpoint and calls handlers: a named, durable reader that retries, parks, resumes, and shares its
// work with other processes.
//
//	c, err := consumer.New(st, "billing", consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[OrderPlaced]) error {
//		return consumer.Transaction(ctx).Append(OrderPaid{e.Data.OrderID}) // in one commit with the checkpoint
//	}))
//	err = c.Run(ctx)
//
// Guarantees, each with a test:
//
//   - Order: records of one key (by default the stream) are handled one after the other, in order, whatever fails, restarts, or moves to
//     another process. Different keys are handled at the same time.
//   - At least once: the checkpoint passes only records whose handler returned nil, that were parked, or that the consumer was told to
//     skip. After a crash some records are handled again; the event id is what to deduplicate by.
//   - Exactly once: what a handler writes through [Transaction] is one commit with the checkpoint of its record. Wherever the process dies,
//     it happens once; when the handler fails, or the slot was lost meanwhile, not at all. Transactions of many keys share commits.
//   - Retry: a failed or panicking handler is called again with exponential backoff and jitter, or when [RetryAfter] says. Records of its
//     key wait meanwhile; others flow, until 16,384 records or 64 MiB wait. Attempts are counted across restarts. Errors that are
//     [Permanent], records that cannot be decoded, and appends to a tombstoned stream are not tried again.
//   - Park: when attempts are spent the record becomes a dead letter, and later records of its key wait behind it, in order; other keys
//     flow at full speed however many are parked. Nothing is skipped silently: [Skip] and [Halt] must be asked for, and when there are as
//     many letters as Config.DeadLetters allows, the consumer halts with a [*LimitError].
//   - Redrive: letters of a key that somebody asked for (package deadletter) are handled in order, then those that waited, then new ones.
//     One that fails again stays, with its attempts added up, and so does its key. A redrive that is killed goes on, and the effects of
//     its transactions happen once. What was edited or discarded meanwhile is noticed.
//   - Batches: a handler made with [OnBatch] gets the records of each key in order; when it fails, they are tried one by one, so that
//     only the one to blame is retried and parked.
//   - Sharing: all runs of one name, in one process or several, share slots of keys by leases. No two work on one slot. Who lost a slot,
//     also without noticing, begins nothing more for it and can commit nothing for it. Runs that join, leave or die are noticed, and what
//     they had is taken over.
//   - Pause and rewind: a paused consumer takes no records, in all processes and across restarts. A rewound one goes on from there; what
//     was being handled counts for nothing. Letters stay, and records that have one are passed over.
//   - Middleware (Config.Middleware, outside of Handler.With) is around each of the calls, and what it returns is their outcome: it
//     decides about retry and checkpoint. The record's bytes are Call.Data, and the handler gets what the innermost middleware
//     hands on. A record whose type cannot be told reaches neither.
//   - What streams no longer keep (store.StreamMeta) is passed over: a consumer that is behind never hears of it, and goes on with
//     what is left.
//   - Old types: a handler of an event type also gets the records of other types that upcasters lift into it.
//   - Causation: what a handler publishes with the context it got is linked to the record it handles.
//   - Stop: when its context ends, Run takes no more records, lets running handlers finish within Config.StopTimeout, saves the
//     checkpoint and returns.
//   - Idle: on a store that one process alone has open, a consumer with nothing to do writes nothing.
package consumer
