package storetest

import (
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var forget = []claim{
	{"MaxCountKeepsTheNewest", maxCountKeepsNewest},
	{"MaxAgeKeepsTheYoung", maxAgeKeepsYoung},
	{"BeforeTruncates", beforeTruncates},
	{"LimitsHoldTogether", limitsTogether},
	{"LimitsAreOfOneStream", limitsOfOneStream},
	{"WhatIsGoneIsFoundByNoQuery", goneIsNotFound},
	{"WhatIsGoneIsNotFollowed", goneIsNotFollowed},
	{"WhatIsGoneDoesNotCountForConditions", goneDoesNotCount},
	{"StreamExistsThoughAllItsEventsAreGone", existsThoughEmpty},

	{"DeletedStreamDoesNotExist", deletedDoesNotExist},
	{"DeletedStreamBeginsAgainAfterItsRevisions", deletedBeginsAgain},
	{"DeletedStreamCanBeDeletedAgain", deletedAgain},
	{"DeletedStreamKeepsItsLimits", deletedKeepsLimits},

	{"TombstonedStreamTakesNoEvents", tombstoneRefusesEvents},
	{"TombstonedStreamTakesNoMetadata", tombstoneRefusesMetadata},
	{"TombstonedStreamDoesNotExist", tombstonedDoesNotExist},
	{"TombstoneTakesNamesNeverUsed", tombstoneOfNothing},
	{"TombstoneComesBeforeConditions", tombstoneBeforeConditions},

	{"MetadataAreWrittenWithEvents", metadataWithEvents},
	{"MetadataAreItemsWithConditions", metadataWithConditions},
	{"MetadataTakeEffectAfterTheirCommit", metadataAfterCommit},
	{"MetadataChangedMeanwhileAreNotSeen", metadataMeanwhile},
	{"ConcurrentAppendsAndADeletionHaveOneWinner", deletionRaces},
	{"BadMetadataAreRefusedByName", badMetadata},

	{"RepeatOfWhatIsGoneReturnsTheFirstReceipt", repeatOfGone},
	{"IdsOfWhatIsGoneAreStillKnown", goneIDsKnown},
	{"OnlyStreamsThatExistAreListed", existingListed},
	{"StatisticsCountWhatWasAppended", statisticsOfGone},
	{"WhatIsGoneStaysGoneAfterReopening", goneAfterReopening},
}

// ago returns an event that happened so long ago.
func ago(stream string, age time.Duration) event.Record {
	r := record(stream)
	r.Time = time.Now().Add(-age).UTC()
	return r
}

// rule sets a stream's metadata.
func (t *trial) rule(stream string, m store.StreamMeta) store.Receipt {
	t.Helper()
	return t.commit(puts(store.PutStreamMeta(stream, m)))
}

// delete deletes a stream that has this revision.
func (t *trial) delete(stream string, revision uint64) {
	t.Helper()
	c := puts(store.PutStreamMeta(stream, store.StreamMeta{Deleted: revision}))
	c.Conditions = []store.Condition{store.AtRevision(stream, revision)}
	t.commit(c)
}

// holds reports which of the conditions does not hold.
func (t *trial) holds(conditions ...store.Condition) {
	t.Helper()
	for _, c := range conditions {
		if _, err := t.d.Append(t.ctx, given(c)); err != nil {
			t.Errorf("%+v does not hold: %v", c, err)
		}
	}
}

// fails reports which of the conditions holds, or finds something else.
func (t *trial) fails(found uint64, conditions ...store.Condition) {
	t.Helper()
	for _, c := range conditions {
		if facts := t.conflict(given(c)); facts.Stream != c.Stream || facts.GotRevision != found {
			t.Errorf("%+v: the conflict's facts are %+v, want %s at %d", c, facts, c.Stream, found)
		}
	}
}

// keeps reports when other revisions than these are left of a stream, whichever way one looks.
func (t *trial) keeps(stream string, revisions ...uint64) {
	t.Helper()
	for _, q := range []store.Query{
		{}, {Backward: true}, store.Stream(stream), {Any: store.Stream(stream).Any, Backward: true},
	} {
		var left []uint64
		for _, r := range t.read(q) {
			if r.Stream == stream {
				left = append(left, r.Revision)
			}
		}
		if q.Backward {
			slices.Reverse(left)
		}
		if !slices.Equal(left, revisions) {
			t.Errorf("%+v finds revisions %v of %s, want %v", q, left, stream, revisions)
		}
	}
}

// without returns the records of other streams, and those of this one from a revision on.
func without(rs []event.Record, stream string, before uint64) (left []event.Record) {
	for _, r := range rs {
		if r.Stream != stream || r.Revision >= before {
			left = append(left, r)
		}
	}
	return left
}
