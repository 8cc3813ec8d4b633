package chat

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// rights has every cell of the table at [Change]: y is allowed, f is
// ErrForbidden, n is ErrNotFound. The columns are, of a public room, its owner,
// an admin, a member, somebody else and somebody banned; the same of a private
// one; and of a direct room one of the two and somebody else. Behind the first
// bar stand the same of a public and a private room that are archived, and behind
// the second one the program itself in a public, a private, a direct and an
// archived room.
const rights = `
	action             public     private    direct  archived                system
	join               y y y y n  y y y n n  f n  |  f f f f n  f f f n n  |  y y f f
	leave              y y y f n  y y y n n  f n  |  y y y f n  y y y n n  |  y y f y
	leave/last         f f f f n  f f f n n  f n  |  f f f f n  f f f n n  |  y y f y
	invite             y y y f n  y y f n n  f n  |  f f f f n  f f f n n  |  y y f f
	invite/banned      f f f f n  f f f n n  f n  |  f f f f n  f f f n n  |  y y f f
	remove/member      y y f f n  y y f n n  f n  |  y y f f n  y y f n n  |  y y f y
	remove/admin       y f f f n  y f f n n  f n  |  y f f f n  y f f n n  |  y y f y
	remove/owner       y f f f n  y f f n n  f n  |  y f f f n  y f f n n  |  y y f y
	remove/last        f f f f n  f f f n n  f n  |  f f f f n  f f f n n  |  y y f y
	ban/member         y y f f n  y y f n n  f n  |  y y f f n  y y f n n  |  y y f y
	ban/nobody         y y f f n  y y f n n  f n  |  y y f f n  y y f n n  |  y y f y
	ban/admin          y f f f n  y f f n n  f n  |  y f f f n  y f f n n  |  y y f y
	ban/owner          y f f f n  y f f n n  f n  |  y f f f n  y f f n n  |  y y f y
	ban/last           f f f f n  f f f n n  f n  |  f f f f n  f f f n n  |  y y f y
	unban              y y f f n  y y f n n  f n  |  y y f f n  y y f n n  |  y y f y
	set_member         y f f f n  y f f n n  f n  |  f f f f n  f f f n n  |  y y f f
	set_member/last    f f f f n  f f f n n  f n  |  f f f f n  f f f n n  |  y y f f
	rename             y y f f n  y y f n n  f n  |  f f f f n  f f f n n  |  y y f f
	update             y y f f n  y y f n n  f n  |  f f f f n  f f f n n  |  y y f f
	archive            y f f f n  y f f n n  f n  |  f f f f n  f f f n n  |  y y f f
	restore            y f f f n  y f f n n  f n  |  y f f f n  y f f n n  |  y y f y
	react              y y y f n  y y y n n  y n  |  f f f f n  f f f n n  |  y y f f
	post               y y y f n  y y y n n  y n  |  f f f f n  f f f n n  |  y y y f
	command            y y y f n  y y y n n  y n  |  f f f f n  f f f n n  |  y y f f
	edit/own           y y y f n  y y y n n  y n  |  f f f f n  f f f n n  |  y y y f
	edit               f f f f n  f f f n n  f n  |  f f f f n  f f f n n  |  y y y f
	delete/own         y y y f n  y y y n n  y n  |  f f f f n  f f f n n  |  y y y f
	delete             y y f f n  y y f n n  f n  |  f f f f n  f f f n n  |  y y y f
`

func TestWhoMayDoWhat(t *testing.T) {
	columns := []place{
		{kind: Public, role: Owner}, {kind: Public, role: Admin}, {kind: Public, role: Participant}, {kind: Public}, {kind: Public, banned: true},
		{kind: Private, role: Owner}, {kind: Private, role: Admin}, {kind: Private, role: Participant}, {kind: Private}, {kind: Private, banned: true},
		{kind: Direct, role: Participant}, {kind: Direct},
	}
	for _, p := range columns[:10] {
		p.archived = true
		columns = append(columns, p)
	}
	people := len(columns)
	columns = append(columns, place{kind: Public}, place{kind: Private}, place{kind: Direct}, place{kind: Public, archived: true})
	want := map[string]error{"y": nil, "f": ErrForbidden, "n": ErrNotFound}
	seen := map[action]bool{}
	for line := range strings.Lines(rights) {
		cells := strings.Fields(strings.ReplaceAll(line, "|", ""))
		if len(cells) == 0 || cells[0] == "action" {
			continue // the heading
		}
		if len(cells) != 1+len(columns) {
			t.Errorf("the row %s has %d cells, want %d", cells[0], len(cells)-1, len(columns))
			continue
		}
		name, about, _ := strings.Cut(cells[0], "/")
		seen[action(name)] = true
		for i, p := range columns {
			switch about {
			case "last":
				p.lastOwner, p.target = true, Owner
			case "banned":
				p.targetBanned = true
			case "own":
				p.own = true
			case "nobody":
			case "admin":
				p.target = Admin
			case "owner":
				p.target = Owner
			default:
				p.target = Participant
			}
			t.Run(fmt.Sprint(cells[0], "/", i), func(t *testing.T) {
				by := UserID("somebody")
				if i >= people {
					by = System
				}
				if got := permit(by, action(name), p); !errors.Is(got, want[cells[i+1]]) || (got == nil) != (want[cells[i+1]] == nil) {
					t.Errorf("%s in %+v: %v, want %v", cells[0], p, got, want[cells[i+1]])
				}
			})
		}
	}
	for _, a := range []action{
		Join, Leave, Invite, Remove, Ban, Unban, SetRole, Rename, Archive, Restore, Update, React, post, edit, erase, run,
	} {
		if !seen[a] {
			t.Errorf("the table says nothing of %s", a)
		}
	}
}
