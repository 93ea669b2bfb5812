package storetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/store"
)

var items = []claim{
	{"WhatDoesNotExistHasRevisionZero", missingItem},
	{"PutReplacesAndDeleteRemoves", putAndDelete},
	{"RevisionsNeverRepeat", revisionsNeverRepeat},
	{"DeletingNothingIsFine", deletingNothing},
	{"ListGivesTheRangeInOrderOfBytes", listRange},
	{"BucketsAreApart", bucketsApart},
	{"ManyInOneCommitAreKept", manyInOneCommit},
	{"LargeValuesAreKept", largeValues},
	{"LongAndStrangeKeysAreKept", strangeKeys},
}

func missingItem(t *trial) {
	item := t.get(things, "none")
	if item.Revision != 0 || len(item.Value) != 0 {
		t.Errorf("an item that does not exist is %+v, want revision 0 and no value", item)
	}
	if found := t.list("never", "", ""); len(found) != 0 {
		t.Errorf("a bucket that does not exist has %v", found)
	}
}

func putAndDelete(t *trial) {
	for _, value := range []string{"one", "two", "", "three"} {
		r := t.commit(puts(store.Put(things, "k", []byte(value))))
		want := store.Item{Bucket: things, Key: "k", Value: []byte(value), Revision: r.ItemRevision}
		t.sameItems([]store.Item{t.get(things, "k")}, []store.Item{want}, "after Put")
		t.sameItems(t.list(things, "", ""), []store.Item{want}, "after Put")
	}
	t.commit(puts(store.Delete(things, "k")))
	if item := t.get(things, "k"); item.Revision != 0 || len(item.Value) != 0 {
		t.Errorf("a deleted item is %+v, want revision 0 and no value", item)
	}
	if found := t.list(things, "", ""); len(found) != 0 {
		t.Errorf("the bucket still has %v", found)
	}
}

func revisionsNeverRepeat(t *trial) {
	last := uint64(0)
	for i := range 20 {
		if i%3 == 2 {
			t.commit(puts(store.Delete(things, "k")))
		}
		r := t.commit(puts(store.Put(things, "k", []byte("same"))))
		if got := t.get(things, "k").Revision; got <= last || got != r.ItemRevision {
			t.Fatalf("write %d gave revision %d and the receipt %d, want the same and more than %d", i, got, r.ItemRevision, last)
		}
		last = r.ItemRevision
		t.commit(events(record("between")))
	}
}

func deletingNothing(t *trial) {
	t.commit(puts(store.Delete(things, "none"), store.Put(things, "k", nil)))
	t.commit(puts(store.Delete("never", "none")))
	if found := t.list(things, "", ""); len(found) != 1 {
		t.Errorf("the bucket has %v, want only k", found)
	}
}

// orderedKeys are in order of bytes, which is neither that of any language nor that of UTF-16.
var orderedKeys = []string{
	" ", "0", "1", "10", "2", "A", "Z", "_", "a", "a ", "a%", "a-b", "a/b", "aa", "z", "é", "日本", "\uFFFD", "\U0001F600",
}

func listRange(t *trial) {
	shuffled := slices.Clone(orderedKeys)
	t.random().Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for _, key := range shuffled {
		t.commit(puts(store.Put(things, key, []byte(key)), store.Put(others, key+"x", nil)))
	}
	bounds := append([]string{"", "0a", "b", "zz", "\U0010FFFF"}, orderedKeys...)
	for _, from := range bounds {
		for _, to := range bounds {
			var want []string
			for _, key := range orderedKeys {
				if key >= from && (to == "" || key < to) {
					want = append(want, key)
				}
			}
			var got []string
			for _, item := range t.list(things, from, to) {
				got = append(got, string(item.Value))
			}
			if !slices.Equal(got, want) {
				t.Errorf("from %q to %q: got %q, want %q", from, to, got, want)
			}
		}
	}
}

func bucketsApart(t *trial) {
	for _, bucket := range []string{"a", "ab", "A", "a/b", "a\u00a0"} {
		t.commit(puts(store.Put(bucket, "b", []byte(bucket)), store.Put(bucket, "/b", []byte(bucket))))
	}
	t.commit(puts(store.Delete("ab", "b")))
	for bucket, n := range map[string]int{"a": 2, "ab": 1, "A": 2, "a/b": 2, "a\u00a0": 2, "a/": 0, "": 0} {
		found := t.list(bucket, "", "")
		if len(found) != n {
			t.Errorf("bucket %q has %v, want %d", bucket, found, n)
		}
		for _, item := range found {
			if item.Bucket != bucket || string(item.Value) != bucket {
				t.Errorf("bucket %q has %+v", bucket, item)
			}
		}
	}
}

func manyInOneCommit(t *trial) {
	writes := manyItems(things, store.MaxItems)
	r := t.commit(puts(writes...))
	found := t.list(things, "", "")
	if len(found) != len(writes) {
		t.Fatalf("the bucket has %d items, want %d", len(found), len(writes))
	}
	for i, item := range found {
		if item.Key != writes[i].Key || !bytes.Equal(item.Value, writes[i].Value) || item.Revision != r.ItemRevision {
			t.Fatalf("item %d is %+v, want %+v at %d", i, item, writes[i], r.ItemRevision)
		}
	}
}

func largeValues(t *trial) {
	value := pattern(store.MaxData)
	t.commit(puts(store.Put(things, "large", value), store.Put(things, "small", []byte("s"))))
	if got := t.get(things, "large").Value; !bytes.Equal(got, value) {
		t.Errorf("a value of %d bytes came back with %d, or changed", len(value), len(got))
	}
	if found := t.list(things, "", ""); len(found) != 2 || !bytes.Equal(found[0].Value, value) {
		t.Errorf("the bucket has %d items, or the large one changed", len(found))
	}
}

func strangeKeys(t *trial) {
	keys := []string{strings.Repeat("k", 1024), strings.Repeat("日", 341), "a b", "..", "/", `\`, "'", "%00", "\u200b", "{}"}
	for i, key := range keys {
		t.commit(puts(store.Put(things, key, fmt.Append(nil, i))))
	}
	for i, key := range keys {
		if got := t.get(things, key); string(got.Value) != fmt.Sprint(i) || got.Key != key {
			t.Errorf("key %.20q holds %+v, want %d", key, got, i)
		}
	}
	if n := len(t.list(things, "", "")); n != len(keys) {
		t.Errorf("the bucket has %d items, want %d", n, len(keys))
	}
}

// pattern returns bytes of which no two blocks are alike, so that a shift or a hole shows.
func pattern(n int) []byte {
	var block [4096]byte
	for i := range block {
		block[i] = byte(i ^ i>>8)
	}
	b := make([]byte, n)
	for at := 0; at < n; at += len(block) {
		binary.BigEndian.PutUint32(block[:], uint32(at))
		copy(b[at:], block[:])
	}
	return b
}
