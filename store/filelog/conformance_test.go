package filelog_test

import (
	"testing"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
	"github.com/oxbow-events/oxbow/store/storetest"
)

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  filelog.Config
	}{
		{"Default", filelog.Config{}},
		{"SmallSegmentsNotSynced", filelog.Config{SegmentBytes: 2000, NoSync: true}},
	} {
		t.Run(c.name, func(t *testing.T) { storetest.Run(t, harness(c.cfg)) })
	}
}

func harness(cfg filelog.Config) storetest.Harness {
	dirs := map[store.Driver]string{}
	return storetest.Harness{
		Open: func(t *testing.T) store.Driver {
			dir := t.TempDir()
			l := open(t, dir, cfg)
			dirs[l] = dir
			return l
		},
		Reopen: func(t *testing.T, d store.Driver) store.Driver {
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			l := open(t, dirs[d], cfg)
			dirs[l] = dirs[d]
			return l
		},
	}
}
