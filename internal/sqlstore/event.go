// Package sqlstore is what the stores in SQL databases have in common besides
// their contract: how values are written in columns, and the steps by which
// tables come to their newest version.
package sqlstore

import (
	"encoding/json"
	"slices"

	"github.com/carlware/gochat/chat"
)

// kinds are the kinds of events at the numbers that the tables have for them.
// New ones come at the end.
var kinds = [...]chat.EventKind{
	1: chat.Created, chat.Message, chat.Joined, chat.Left, chat.Banned, chat.RoleChanged,
	chat.Renamed, chat.Archived, chat.Updated, chat.Edited, chat.Deleted, chat.Reacted,
}

// The numbers that statements name: KindMessage as 2, and KindEdited as 10.
const (
	KindMessage = 2
	KindEdited  = 10
)

// KindNumber returns the number of k, or 0 for a kind that is not known.
func KindNumber(k chat.EventKind) int {
	if k == chat.Message {
		return KindMessage
	}
	return max(0, slices.Index(kinds[1:], k)+1)
}

// KindOf returns the kind with a number, or "unknown" for one that a newer
// version has stored.
func KindOf(number int64) chat.EventKind {
	if number > 0 && number < int64(len(kinds)) {
		return kinds[number]
	}
	return "unknown"
}

// MaxSeq is the largest seq: see [chat.Seq].
const MaxSeq = 1<<40 - 1

// EventOf returns the event that in asks for, as far as its writer knows it.
func EventOf(in *chat.Write) chat.Event {
	e := chat.Event{
		ID: in.ID, Kind: in.Kind, Ref: in.Ref, Text: in.Text, Role: in.Role, Off: in.Off,
		Mentions: in.Mentions, Data: in.Data,
	}
	if len(e.Data) == 0 {
		e.Data = nil
	}
	if len(e.Mentions) == 0 {
		e.Mentions = nil
	}
	return e
}

// List is a JSON array of vs, which are strings or numbers; or nothing when
// there are none.
func List[T ~string | chat.Seq](vs []T) string {
	if len(vs) == 0 {
		return ""
	}
	b, err := json.Marshal(vs)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(b)
}

// Unlist reads a [List].
func Unlist[T ~string | chat.Seq, S ~string | ~[]byte](list S) (vs []T, err error) {
	if len(list) > 0 {
		err = json.Unmarshal([]byte(list), &vs)
	}
	return vs, err
}
