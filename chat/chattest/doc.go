// Package chattest tests what chat programs are built from.
//
// # Stores
//
// [TestStore] is the conformance suite of [chat.Store]: an implementation is
// one when the suite passes. A test of a store in a file looks like this:
//
//	func TestStore(t *testing.T) {
//		chattest.TestStore(t, func(t *testing.T) chattest.StoreOpener {
//			path := filepath.Join(t.TempDir(), "chat.db")
//			return func(clock func() time.Time) (chat.Store, error) {
//				return mystore.Open(t.Context(), path, &mystore.Options{Clock: clock})
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
//
// What a suite can't try is for the store's own tests: that data survives a
// process which is killed while it commits, also before the receiver was called;
// that older data is brought up to date and newer data is refused; a full disk or
// a server that is away; and that queries don't get slow as tables grow.
//
// # Hubs
//
// [TestHub] is the conformance suite of [chat.Hub] and [chat.Room], for what wraps
// a [chat.Node] to add rules of its own, and for a node over a store of one's own:
//
//	func TestHub(t *testing.T) {
//		chattest.TestHub(t, func(t *testing.T, o chat.Options) []chat.Hub {
//			o.Store = open(t)
//			node, err := chat.New(&o)
//			if err != nil {
//				t.Fatal(err)
//			}
//			t.Cleanup(func() { node.Shutdown(context.Background()) })
//			return []chat.Hub{moderated.New(node)}
//		}, nil)
//	}
//
// # Histories
//
// [Recorder] is for tests with many clients and faults: it notes what they did and
// saw, and then says whether a chat that keeps its promises can have behaved so.
package chattest
