package command

import (
	"slices"
	"strings"
	"time"

	"github.com/carlware/gochat/transport"
)

// Served is one bot and the commands that it serves, for pages that show how a
// service does and for metrics.
type Served struct {
	Bot       string    `json:"bot"`            // its name
	Local     bool      `json:"local"`          // in this process; the fields about instances are zero then
	Instances int       `json:"instances"`      // processes that announce it
	Refused   int       `json:"refused"`        // of them whose announcement can't be read; the log says why
	Since     time.Time `json:"since,omitzero"` // when the oldest instance began, by its own clock
	Commands  []string  `json:"commands"`       // of all instances, sorted
}

// Bots returns the bots that are announced now, sorted by name. Whether one is
// there to answer is known when a call is sent, and only then. The caller owns
// the slice, and must not change what the elements hold.
func (r *Remote) Bots() []Served { return slices.Clone(r.known.Load().bots) }

// served is bots by name.
type served map[string]*Served

// add takes in an announcement and the specs in it, or why there are none.
func (b served) add(a transport.Announcement, specs []Spec, err error) {
	s := b[a.Bot]
	if s == nil {
		s = &Served{Bot: a.Bot, Since: a.Since}
		b[a.Bot] = s
	}
	s.Instances++
	if err != nil {
		s.Refused++
	}
	if a.Since.Before(s.Since) {
		s.Since = a.Since
	}
	for _, spec := range specs {
		if i, found := slices.BinarySearch(s.Commands, spec.Name); !found {
			s.Commands = slices.Insert(s.Commands, i, spec.Name)
		}
	}
}

func (b served) sorted() []Served {
	all := make([]Served, 0, len(b))
	for _, s := range b {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Served) int { return strings.Compare(a.Bot, b.Bot) })
	return all
}
