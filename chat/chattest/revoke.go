package chattest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carlware/gochat/chat"
)

var revokeCases = []storeCase{
	{"Stored", testRevoked, nil},
	{"Again", testRevokedAgain, nil},
	{"Passed", testRevokedPassed, clocked},
	{"Together", testRevokedTogether, nil},
	{"Reopened", testRevokedReopened, persistent},
	{"Shared", testRevokedShared, shared},
}

// now is the time of the store, about.
func (w *world) now() time.Time {
	if w.clock != nil {
		return w.clock.Now()
	}
	return time.Now()
}

// revocation is one of a login of a user, or all of them, for some time from
// now on. Its times are whole milliseconds in UTC, which every store can keep.
func (w *world) revocation(user chat.User, session string, d time.Duration) chat.Revocation {
	r := chat.Revocation{User: user.ID, Session: session, Until: w.now().Add(d).UTC().Truncate(time.Millisecond)}
	if session == "" {
		r.Before = w.now().UTC().Truncate(time.Millisecond)
	}
	return r
}

// revoke stores a revocation.
func (w *world) revoke(r chat.Revocation) {
	w.Helper()
	w.ok(w.s.(chat.Revoker).Revoke(w.Context(), r), "Revoke")
}

// revocations are those that the store has, in some order that is always the
// same. A store that is no Revoker has none.
func (w *world) revocations() []chat.Revocation {
	w.Helper()
	s, ok := w.s.(chat.Revoker)
	if !ok {
		return nil
	}
	all, err := s.Revocations(w.Context())
	w.ok(err, "Revocations")
	return sorted(all)
}

func sorted(all []chat.Revocation) []chat.Revocation {
	all = slices.Clone(all)
	for i := range all {
		all[i].Before, all[i].Until = all[i].Before.UTC(), all[i].Until.UTC()
	}
	slices.SortFunc(all, func(a, b chat.Revocation) int {
		return strings.Compare(string(a.User)+"\x00"+a.Session, string(b.User)+"\x00"+b.Session)
	})
	return all
}

// revoked checks which revocations there are.
func (w *world) revoked(rule string, want ...chat.Revocation) {
	w.Helper()
	if got, want := show(w.revocations()), show(sorted(want)); got != want {
		w.Errorf("Revocations is\n%s, want\n%s: %s", got, want, rule)
	}
}

func testRevoked(w *world) {
	w.revoked("there are none at first")
	login := w.revocation(ann, "login-1", time.Hour)
	w.revoke(login)
	w.revoked("a login", login)
	other := w.revocation(ann, "login-2", 2*time.Hour)
	w.revoke(other)
	same := w.revocation(bob, "login-1", time.Hour)
	w.revoke(same)
	all := w.revocation(bob, "", time.Hour)
	w.revoke(all)
	odd := w.revocation(chat.User{ID: "nobody@example.org"}, "Übrig'\"%_\\ 👩‍🚀", time.Hour)
	w.revoke(odd)
	upper := w.revocation(ann, "LOGIN-1", time.Hour)
	w.revoke(upper)
	w.revoked("each is of one user, and of one login or of all; the user need not be known", login, other, same, all, odd, upper)
	if known := w.known("nobody@example.org"); len(known) > 0 {
		w.Errorf("Users has %s: nobody becomes known by a revocation", show(known))
	}
}

func testRevokedAgain(w *world) {
	login, all := w.revocation(ann, "login", time.Hour), w.revocation(ann, "", time.Hour)
	w.revoke(login)
	w.revoke(all)
	w.revoke(login)
	w.revoked("the same again", login, all)

	longer := login
	longer.Until = login.Until.Add(time.Minute)
	w.revoke(longer)
	w.revoked("the same one again replaces it, with the later Until", longer, all)
	w.revoke(login)
	w.revoked("an earlier Until comes too late: a revocation does not end sooner", longer, all)

	later := all
	later.Before = all.Before.Add(time.Minute)
	w.revoke(later)
	w.revoked("the same one again replaces it: logins made until then are ended, too", longer, later)
	later.Before, later.Until = later.Before.Add(time.Minute), all.Until.Add(-time.Minute)
	w.revoke(later)
	later.Until = all.Until
	w.revoked("the same one again replaces it, with the later Until", longer, later)
}

func testRevokedPassed(w *world) {
	short, long, all := w.revocation(ann, "short", time.Hour), w.revocation(ann, "long", 3*time.Hour), w.revocation(bob, "", 2*time.Hour)
	for _, r := range []chat.Revocation{short, long, all} {
		w.revoke(r)
	}
	w.clock.move(time.Hour - time.Second)
	w.revoked("a second before the first Until", short, long, all)
	w.clock.move(2 * time.Second)
	w.revoked("a second after the first Until: it has no more meaning", long, all)
	w.expire(time.Hour, 10) // a good moment for a store to clean up
	w.revoked("still", long, all)
	again := w.revocation(ann, "short", time.Hour)
	w.revoke(again)
	w.revoked("one that had passed is revoked again", again, long, all)
	w.clock.move(time.Hour + 2*time.Second)
	w.revoked("after the second Until", long)
	w.clock.move(24 * time.Hour)
	w.revoked("after all")
}

// testRevokedTogether revokes the same logins many times at once.
func testRevokedTogether(w *world) {
	var want []chat.Revocation
	for l := range 4 {
		r := w.revocation(ann, fmt.Sprint("login-", l), time.Hour)
		r.Until = r.Until.Add(15 * time.Minute)
		want = append(want, r)
	}
	together(16, func(g int) {
		for _, r := range want {
			r.Until = r.Until.Add(-time.Duration(g) * time.Minute)
			if err := w.s.(chat.Revoker).Revoke(w.Context(), r); err != nil {
				w.Errorf("Revoke: %v", err)
			}
		}
	})
	w.revoked("of the same one at once the latest Until stays", want...)
}

func testRevokedReopened(w *world) {
	login, all := w.revocation(ann, "login", time.Hour), w.revocation(bob, "", time.Hour)
	w.revoke(login)
	w.revoke(all)
	w.reopen()
	w.revoked("revocations survive", login, all)
}

func testRevokedShared(w *world) {
	other, _, _ := w.open()
	login, all := w.revocation(ann, "login", time.Hour), w.revocation(ann, "", time.Hour)
	w.revoke(login)
	w.ok(other.(chat.Revoker).Revoke(w.Context(), all), "Revoke at the other store")
	got, err := other.(chat.Revoker).Revocations(w.Context())
	w.ok(err, "Revocations of the other store")
	if show(sorted(got)) != show(sorted([]chat.Revocation{login, all})) {
		w.Errorf("Revocations of the other store is %s: what is revoked anywhere is revoked everywhere", show(got))
	}
	w.revoked("what is revoked anywhere is revoked everywhere", login, all)
}
