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
// one; and of a direct room one of the two and somebody else. Behind the bar
// stand an owner, a member and somebody else of an archived public room.
const rights = `
	action             public     private    direct  archived
	join               y y y y n  y y y n n  f n  |  f f f
	leave              y y y f n  y y y n n  f n  |  y y f
	leave/last         f f f f n  f f f n n  f n  |  f f f
	invite             y y y f n  y y f n n  f n  |  f f f
	invite/banned      f f f f n  f f f n n  f n  |  f f f
	remove/member      y y f f n  y y f n n  f n  |  y f f
	remove/admin       y f f f n  y f f n n  f n  |  y f f
	remove/owner       y f f f n  y f f n n  f n  |  y f f
	remove/last        f f f f n  f f f n n  f n  |  f f f
	ban/member         y y f f n  y y f n n  f n  |  y f f
	ban/nobody         y y f f n  y y f n n  f n  |  y f f
	ban/admin          y f f f n  y f f n n  f n  |  y f f
	unban              y y f f n  y y f n n  f n  |  y f f
	set_member         y f f f n  y f f n n  f n  |  f f f
	set_member/last    f f f f n  f f f n n  f n  |  f f f
	rename             y y f f n  y y f n n  f n  |  f f f
	update             y y f f n  y y f n n  f n  |  f f f
	archive            y f f f n  y f f n n  f n  |  f f f
	restore            y f f f n  y f f n n  f n  |  y f f
	react              y y y f n  y y y n n  y n  |  f f f
	post               y y y f n  y y y n n  y n  |  f f f
	command            y y y f n  y y y n n  y n  |  f f f
	edit/own           y y y f n  y y y n n  y n  |  f f f
	edit               f f f f n  f f f n n  f n  |  f f f
	delete/own         y y y f n  y y y n n  y n  |  f f f
	delete             y y f f n  y y f n n  f n  |  f f f
`

func TestWhoMayDoWhat(t *testing.T) {
	columns := []place{
		{kind: Public, role: Owner}, {kind: Public, role: Admin}, {kind: Public, role: Participant}, {kind: Public}, {kind: Public, banned: true},
		{kind: Private, role: Owner}, {kind: Private, role: Admin}, {kind: Private, role: Participant}, {kind: Private}, {kind: Private, banned: true},
		{kind: Direct, role: Participant}, {kind: Direct},
		{kind: Public, archived: true, role: Owner}, {kind: Public, archived: true, role: Participant}, {kind: Public, archived: true},
	}
	want := map[string]error{"y": nil, "f": ErrForbidden, "n": ErrNotFound}
	seen := map[action]bool{}
	for line := range strings.Lines(rights) {
		cells := strings.Fields(strings.ReplaceAll(line, "|", ""))
		if len(cells) != 1+len(columns) {
			continue // the heading
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
				if got := permit("somebody", action(name), p); !errors.Is(got, want[cells[i+1]]) || (got == nil) != (want[cells[i+1]] == nil) {
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
