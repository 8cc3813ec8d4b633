package chattest

import (
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
)

// StoreOpener opens a store over one and the same data, which is empty at first.
// The suite calls it again only after it closed the store, or at any time when
// [StoreOptions.Shared] is set; and it closes every store that it opened.
//
// clock is nil unless [StoreOptions.Clock] is set. Then it is what the store
// must take its time from: it may be called concurrently, tells times that
// are not UTC and finer than a millisecond, and is set back by some cases.
type StoreOpener func(clock func() time.Time) (chat.Store, error)

// StoreOptions say what a store promises beside the contract of [chat.Store].
// nil promises nothing, and the cases that need a promise are left out.
type StoreOptions struct {
	// Persistent: what was committed is there when the data is opened again.
	Persistent bool
	// Shared: several stores can be open over the same data at once, as the
	// nodes of a cluster have them.
	Shared bool
	// Clock: the store takes its time from the clock that the [StoreOpener] is
	// given. Without it, cases that need time wait for it, a second at most.
	Clock bool
	// Revoker: the store is a [chat.Revoker]. Its cases run on every store
	// that is one; with the promise a store that is none fails.
	Revoker bool
	// Trimmer: the store is a [chat.Trimmer], in the same way. Most of the
	// cases need a Clock, too: no event is removed on the day it was stored.
	Trimmer bool
}

// TestStore runs the conformance suite of [chat.Store]. open is called by each
// case to get data of its own, such as a new file or an empty schema; use the
// t that it is given to clean up. The suite counts goroutines, so no other test
// may run at the same time.
func TestStore(t *testing.T, open func(t *testing.T) StoreOpener, o *StoreOptions) {
	f := featuresOf(t, open(t), o)
	t.Run("Parts", func(t *testing.T) { f.check(t) })
	for _, g := range storeGroups {
		if g.needs != nil && !g.needs(f) {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			for _, c := range g.cases {
				if c.needs != nil && !c.needs(f) {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					w := newWorld(t, open(t), f)
					c.run(w)
					w.finish()
				})
			}
		})
	}
}

// storeGroup is the cases about one part of the contract.
type storeGroup struct {
	name  string
	cases []storeCase
	needs func(f *features) bool // nil: nothing
}

type storeCase struct {
	name  string
	run   func(w *world)
	needs func(f *features) bool // nil: nothing
}

var storeGroups = []storeGroup{
	{"Append", appendCases, nil},
	{"Once", onceCases, nil},
	{"Access", accessCases, nil},
	{"Kinds", kindCases, nil},
	{"Edits", editCases, nil},
	{"Reactions", reactionCases, nil},
	{"Page", pageCases, nil},
	{"Viewers", viewerCases, nil},
	{"Rooms", roomCases, nil},
	{"Inbox", inboxCases, nil},
	{"Members", memberCases, nil},
	{"Users", userCases, nil},
	{"Calls", callCases, nil},
	{"Settle", settleCases, nil},
	{"Life", lifeCases, nil},
	{"Values", valueCases, nil},
	{"Shared", sharedCases, nil},
	{"Revoke", revokeCases, revoker},
	{"Trim", trimCases, trimmer},
}
