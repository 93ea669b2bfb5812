package store

import "context"

// DeleteStream deletes a stream as it is now, if the conditions hold: its events are gone, and it does not exist until somebody appends
// to it again. Its revisions then go on, so that none is ever given twice, and its limits still hold. Deleting a stream that
// does not exist changes nothing and is no error; the condition [StreamExists] makes it one.
func (s *Store) DeleteStream(ctx context.Context, stream string, conditions ...Condition) (Receipt, error) {
	return s.amend(ctx, stream, conditions, func(m *StreamMeta) ([]Condition, error) {
		revision, err := s.StreamRevision(ctx, stream)
		if err != nil {
			return nil, err
		}
		m.Deleted = max(m.Deleted, revision)
		return []Condition{AtRevision(stream, revision)}, nil
	})
}

// TombstoneStream deletes a stream for good, if the conditions hold: its events are gone, and whoever appends to it or changes its
// metadata from then on gets an error that answers to [ErrTombstone], as does a second TombstoneStream. A stream that does not
// exist can be tombstoned too, and its name is then taken.
func (s *Store) TombstoneStream(ctx context.Context, stream string, conditions ...Condition) (Receipt, error) {
	return s.amend(ctx, stream, conditions, func(m *StreamMeta) ([]Condition, error) {
		m.Tombstone = true
		return nil, nil
	})
}
