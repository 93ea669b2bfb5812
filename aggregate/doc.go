// Package aggregate turns commands into events: it loads a thing's state from its stream, decides, and appends what was decided if the
// thing is still as it was loaded.
//
// In the pure form, an aggregate is a [Decider]: two functions over plain values. For an account in a bank:
//
//	type Opened struct{ Owner string } // events; any struct is one
//	type Deposited struct{ Cents int64 }
//	type Withdrawn struct{ Cents int64 }
//
//	type Open string // commands
//	type Deposit int64
//	type Withdraw int64
//
//	type Account struct{ Balance int64 } // the state: what decisions need to know
//
//	var ErrFunds = errors.New("not enough money in the account")
//
//	func decide(a Account, command any) ([]any, error) { // the events that follow, or a refusal
//		switch c := command.(type) {
//		case Open:
//			return []any{Opened{Owner: string(c)}}, nil
//		case Deposit:
//			return []any{Deposited{Cents: int64(c)}}, nil
//		case Withdraw:
//			if int64(c) > a.Balance {
//				return nil, ErrFunds
//			}
//			return []any{Withdrawn{Cents: int64(c)}}, nil
//		}
//		return nil, fmt.Errorf("an account does not know the command %T", command)
//	}
//
//	func evolve(a Account, e any) Account { // the state after an event
//		switch e := e.(type) {
//		case Deposited:
//			a.Balance += e.Cents
//		case Withdrawn:
//			a.Balance -= e.Cents
//		}
//		return a
//	}
//
//	var accounts = aggregate.Decider[Account, any]{
//		Events: []any{Opened{}, Deposited{}, Withdrawn{}},
//		Decide: decide,
//		Evolve: evolve,
//	}
//
// A test of it needs no store: given these events, when this is asked, then these events follow. The example of [Decider.Given] is such a
// test in whole.
//
//	got, err := accounts.Decide(accounts.Given(Opened{}, Deposited{Cents: 900}), Withdraw(500))
//	// want []any{Withdrawn{Cents: 500}} and no error: compare with reflect.DeepEqual and errors.Is
//
// A [Repository] executes commands on what a store holds. Beside this package it takes event, store, and store/memory or store/filelog:
//
//	st := store.New(memory.New(), store.Config{}) // or the driver that filelog.Open returns, to keep it in a folder
//	repo, err := aggregate.New(st, "account", accounts, aggregate.Config{})
//	result, err := repo.Execute(ctx, "ann", Deposit(900)) // its event goes to the stream "account-ann"
//	fmt.Println(result.State.Balance)             // 900; err is ErrFunds itself when decide refused
//	loaded, err := repo.Load(ctx, "ann")          // the same state, made of the events
//
// [Together] makes one commit of several commands, such as a transfer between two accounts:
//
//	receipt, err := aggregate.Together(ctx, st, func(tx *aggregate.Tx) error {
//		if _, err := repo.ExecuteIn(ctx, tx, "ann", Withdraw(500)); err != nil {
//			return err
//		}
//		_, err := repo.ExecuteIn(ctx, tx, "bob", Deposit(500))
//		return err
//	}, aggregate.WithCommandID(id)) // an event.NewID() of the caller's: sent twice, it happens once
//
// A test of a transfer does the same on memory.New(), with the events before it as given, and loads both accounts; see the package's
// example.
//
// [Methods] takes a struct with methods OnOpened, OnDeposited… instead of functions. [Repository.LoadAt] and [Repository.LoadAsOf] load
// the past. Where histories grow long, Config.Snapshots and [Repository.Run] keep loading cheap. Consumers and projections hear of the
// events as of all others in the store; live subscriptions of a bus do not, since nobody publishes them there.
//
// A stream's metadata ([store.StreamMeta]) may let its events go. An aggregate whose stream was deleted does not exist, and begins anew
// with the next event, at the revision after the last one deleted. One whose beginning is gone for another reason, such as MaxCount, can
// be loaded only from a snapshot that stands for what is gone; otherwise the error is a [*GoneError], which answers to [ErrGone].
// Deleting a stream leaves its snapshot, which then counts no more, in the bucket of [Bucket] until the next one replaces it.
//
// Guarantees, each with a test:
//
//   - One decision at a time: events are appended only if the aggregate is still as it was when they were decided. Who comes second
//     loads and decides anew, a bounded number of times, and then gets an error that answers to store.ErrConflict.
//   - A refusal, which is an error of Decide, is returned as it is, at once, and writes nothing. Deciding no events writes nothing.
//   - Commands executed together are one commit, with items and conditions: all of it happens, or nothing.
//   - A command with an id is executed once; whoever sends it again gets the result of the first time.
//   - What is written can be read: an event that is about another aggregate, of a type that Decider.Events does not list, or that does
//     not come back from its bytes, is refused before anything is written.
//   - Nothing is passed over: an event of an unknown type in the stream, or a gap, is an error and not a state. Config.Ignore names
//     exceptions. Old versions of events are lifted by upcasters.
//   - What is gone is not passed over either: the state is made of all events since the stream was begun or begun again, or of a snapshot
//     and all events after it, or there is an error. A snapshot from before a deletion never counts.
//   - An error that trying again does not mend, such as store.ErrTombstone, is returned as it is, at once.
//   - Snapshots change what loading costs, and nothing else: with a fresh one, a damaged one, one of an older code version or of a stream
//     that is no more, the state is that of the events alone, now and at any revision or time, as long as none of them are gone.
//   - Snapshots are taken by Run and Snapshot only, never by those who execute commands. New starts nothing, and nothing outlives Run.
package aggregate
