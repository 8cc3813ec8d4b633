package chat

import "slices"

// Limits of reactions. A message has at most so many different ones, so that
// one message can't fill a page, and a page names so many users of each.
const (
	memReactionsMax = 50
	memReactorsMax  = 20
)

// memReaction is an emoji on a message, with its users in the order in which
// they came. It is dropped with the last of them.
type memReaction struct {
	text  string
	users []*memUser
}

// reacts applies a Reacted event of u.
func (r *memRoom) reacts(e *Event, u *memUser) {
	all := r.reactions[e.Ref]
	i := memReactionOf(all, e.Text)
	switch {
	case e.Off && i >= 0:
		if j := slices.Index(all[i].users, u); j >= 0 {
			all[i].users = slices.Delete(all[i].users, j, j+1)
		}
		if len(all[i].users) == 0 {
			all = slices.Delete(all, i, i+1)
		}
	case e.Off:
	case i < 0:
		all = append(all, memReaction{e.Text, []*memUser{u}})
	case !slices.Contains(all[i].users, u):
		all[i].users = append(all[i].users, u)
	}
	if len(all) == 0 {
		delete(r.reactions, e.Ref)
		return
	}
	if r.reactions == nil {
		r.reactions = make(map[Seq][]memReaction)
	}
	r.reactions[e.Ref] = all
}

// reactable reports whether the message ref can take one more reaction with text.
func (r *memRoom) reactable(ref Seq, text string) bool {
	all := r.reactions[ref]
	return len(all) < memReactionsMax || memReactionOf(all, text) >= 0
}

func memReactionOf(all []memReaction, text string) int {
	return slices.IndexFunc(all, func(x memReaction) bool { return x.text == text })
}

// reactionsTo returns the reactions to a message as viewer sees them, and how
// many bytes of text they have.
func (r *memRoom) reactionsTo(ref Seq, viewer *memUser) (reactions []Reaction, bytes int) {
	for _, x := range r.reactions[ref] {
		first := x.users[:min(len(x.users), memReactorsMax)]
		v := Reaction{Text: x.text, Count: len(x.users), Users: make([]UserID, 0, len(first))}
		for _, u := range first {
			v.Users = append(v.Users, u.ID)
		}
		if len(x.users) > len(first) && slices.Contains(x.users[len(first):], viewer) {
			v.Users[len(first)-1] = viewer.ID
		}
		bytes += len(v.Text)
		for _, id := range v.Users {
			bytes += len(id)
		}
		reactions = append(reactions, v)
	}
	return reactions, bytes
}
