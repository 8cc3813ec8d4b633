package transporttest

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/carlware/gochat/transport"
)

var announcementCases = []testCase{
	{
		name: "announcements reach all watchers",
		rule: "Announce makes an announcement known to all watchers. They get all live ones, oldest first by Since, and first of all what a first round of asking found, even if that is nothing.",
		run:  announced,
	}, {
		name: "a late watcher's first call has everything",
		rule: "Announcements calls fn with all live announcements after a first round of asking.",
		run:  lateWatcher,
	}, {
		name: "an announcement can change",
		rule: "Watchers are called again whenever the announcements change: an instance that announces anew replaces what it said before.",
		run:  changed,
	}, {
		name: "an announcement is withdrawn with its context",
		rule: "An announcement is known until the ctx of Announce ends; then it is withdrawn and Announce returns nil.",
		run:  withdrawn,
	},
}

// announcement returns one of a new bot.
func announcement(body string) transport.Announcement {
	return transport.Announcement{
		Bot: unique("bot"), Instance: unique("i"),
		Since: time.Now().Truncate(time.Second), Body: []byte(body),
	}
}

// of keeps the announcements of these bots.
func of(all ...transport.Announcement) func(bot string) bool {
	return func(bot string) bool {
		return slices.ContainsFunc(all, func(a transport.Announcement) bool { return a.Bot == bot })
	}
}

// sameAnnouncements compares all that every broker must carry.
func sameAnnouncements(got, want []transport.Announcement) bool {
	return slices.EqualFunc(got, want, func(a, b transport.Announcement) bool {
		return a.Bot == b.Bot && a.Instance == b.Instance && a.Since.Equal(b.Since) && bytes.Equal(a.Body, b.Body)
	})
}

func describe(all []transport.Announcement) string {
	s := fmt.Sprintf("%d:", len(all))
	for _, a := range all {
		s += fmt.Sprintf(" {%s %s %v %.40q}", a.Bot, a.Instance, a.Since.UTC().Format(time.RFC3339Nano), a.Body)
	}
	return s
}

func (e *env) eventuallyKnown(what string, got *list[[]transport.Announcement], want ...transport.Announcement) {
	e.Helper()
	defer func() {
		if e.Failed() {
			e.Logf("the last call had %s", describe(last(got)))
			e.Logf("want %s", describe(want))
		}
	}()
	e.eventually(what, func() bool { return got.len() > 0 && sameAnnouncements(last(got), want) })
}

func announced(e *env) {
	b := e.broker()
	c := e.second(b)
	young, old := announcement("young"), announcement("old")
	old.Since = young.Since.Add(-time.Hour)
	here := e.announcements(b, of(young, old))
	there := e.announcements(c, of(young, old))
	for _, watcher := range []*list[[]transport.Announcement]{here, there} {
		e.eventuallyKnown("a watcher is called even if there is nothing", watcher)
	}
	e.announce(b, young)
	e.announce(c, old)
	for _, watcher := range []*list[[]transport.Announcement]{here, there} {
		e.eventuallyKnown("a watcher gets both announcements, the older first", watcher, old, young)
	}
}

func lateWatcher(e *env) {
	b := e.broker()
	first, second := announcement("first"), announcement("second")
	second.Since = first.Since.Add(time.Second)
	e.announce(b, first)
	e.announce(b, second)
	e.eventuallyKnown("both announcements are known", e.announcements(b, of(first, second)), first, second)
	late := e.announcements(e.second(b), of(first, second))
	e.eventually("a late watcher is called", func() bool { return late.len() > 0 })
	if got := late.all()[0]; !sameAnnouncements(got, []transport.Announcement{first, second}) {
		e.Errorf("the first call of a late watcher has %s", describe(got))
	}
}

func changed(e *env) {
	b := e.broker()
	before := announcement("before")
	after := before
	after.Body = []byte("after")
	watcher := e.announcements(e.second(b), of(before))
	first := e.announce(b, before)
	e.eventuallyKnown("the announcement is known", watcher, before)
	first.stop()
	e.announce(b, after)
	e.eventuallyKnown("the new announcement is known, once", watcher, after)
	e.never("what the instance said before comes back", func() bool {
		return sameAnnouncements(last(watcher), []transport.Announcement{before})
	})
}

func withdrawn(e *env) {
	b := e.broker()
	a := announcement("a")
	watcher := e.announcements(e.second(b), of(a))
	announcing := e.announce(b, a)
	e.eventuallyKnown("the announcement is known", watcher, a)
	e.never("an announcement ends by itself", announcing.returned)
	announcing.stop()
	e.eventuallyKnown("the announcement is gone after its context ended", watcher)
}
