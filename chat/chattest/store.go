// Package chattest tests what chat programs are built from.
//
// [TestStore] is the conformance suite of [chat.Store]: an implementation is
// one when the suite passes. A test of a store in a file looks like this:
//
//	func TestStore(t *testing.T) {
//		chattest.TestStore(t, func(t *testing.T) chattest.Opener {
//			path := filepath.Join(t.TempDir(), "chat.db")
//			return func(clock func() time.Time) (chat.Store, error) {
//				return mystore.Open(path, &mystore.Options{Clock: clock})
//			}
//		}, &chattest.StoreOptions{Persistent: true, Clock: true})
//	}
//
// Every case runs on data of its own and is a subtest named after the part of
// the contract that it checks, so that one can be run alone:
//
//	go test -run 'TestStore/Once/Concurrent' ./mystore
//
// A failure says what was seen, then the rule. Beside its own checks every case
// compares what the receiver of [chat.Store.Attach] was given with the log that
// is stored in the end.
package chattest

import (
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
)

// Opener opens a store over one and the same data, which is empty at first.
// The suite calls it again only after it closed the store, or at any time when
// [StoreOptions.Shared] is set; and it closes every store that it opened.
//
// clock is nil unless [StoreOptions.Clock] is set. Then it is what the store
// must take its time from: it may be called concurrently, tells times that
// are not UTC and finer than a millisecond, and is set back by some cases.
type Opener func(clock func() time.Time) (chat.Store, error)

// StoreOptions say what a store promises beside the contract of [chat.Store].
// nil promises nothing, and the cases that need a promise are left out.
type StoreOptions struct {
	// Persistent: what was committed is there when the data is opened again.
	Persistent bool
	// Shared: several stores can be open over the same data at once, as the
	// nodes of a cluster have them.
	Shared bool
	// Clock: the store takes its time from the clock that the [Opener] is
	// given. Without it, cases that need time wait for it, a second at most.
	Clock bool
}

// TestStore runs the conformance suite of [chat.Store]. open is called by each
// case to get data of its own, such as a new file or an empty schema; use the
// t that it is given to clean up. The suite counts goroutines, so no other test
// may run at the same time.
func TestStore(t *testing.T, open func(t *testing.T) Opener, o *StoreOptions) {
	if o == nil {
		o = &StoreOptions{}
	}
	for _, g := range storeGroups {
		t.Run(g.name, func(t *testing.T) {
			for _, c := range g.cases {
				if c.needs != nil && !c.needs(o) {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					w := newWorld(t, open(t), o)
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
}

type storeCase struct {
	name  string
	run   func(w *world)
	needs func(o *StoreOptions) bool // nil: nothing
}

func persistent(o *StoreOptions) bool { return o.Persistent }
func shared(o *StoreOptions) bool     { return o.Shared }
func clocked(o *StoreOptions) bool    { return o.Clock }

var storeGroups = []storeGroup{
	{"Append", appendCases},
	{"Once", onceCases},
	{"Access", accessCases},
	{"Kinds", kindCases},
	{"Edits", editCases},
	{"Reactions", reactionCases},
	{"Page", pageCases},
	{"Viewers", viewerCases},
	{"Rooms", roomCases},
	{"Inbox", inboxCases},
	{"Members", memberCases},
	{"Users", userCases},
	{"Calls", callCases},
	{"Settle", settleCases},
	{"Life", lifeCases},
	{"Values", valueCases},
	{"Shared", sharedCases},
}
