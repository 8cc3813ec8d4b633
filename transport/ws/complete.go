package ws

import (
	"context"
	"unicode/utf16"

	"github.com/carlware/gochat/command"
)

func (r *completeRequest) serve(ctx context.Context, c *conn, _ string, o *object) error {
	specs, err := c.h.hub.Commands(ctx, c.user(), r.Room)
	if err != nil {
		return err
	}
	found := command.Complete(specs, *r.Text, byteAt(*r.Text, *r.Cursor))
	o.completion(*r.Text, &found)
	return nil
}

func (o *object) completion(line string, c *command.Completion) {
	o.num("start", int64(utf16Len(line[:c.Start])))
	o.num("end", int64(utf16Len(line[:c.End])))
	o.list("choices")
	for _, ch := range c.Choices {
		o.item()
		o.str("text", ch.Text)
		o.text("help", ch.Help)
		o.close()
	}
	o.end()
	if c.Arg != nil {
		o.open("arg")
		o.arg(c.Arg)
		o.close()
	}
}

// utf16Len returns the length of s in UTF-16 code units.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// byteAt returns the byte of s at which its n-th UTF-16 code unit begins, or
// the character that it is half of; the end of s when it has fewer.
func byteAt(s string, n int) int {
	for i, r := range s {
		if n -= max(utf16.RuneLen(r), 1); n < 0 {
			return i
		}
	}
	return len(s)
}
