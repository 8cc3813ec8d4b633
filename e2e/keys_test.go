package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// Bits of the modifier keys, as the DevTools protocol has them.
const (
	alt   = 1
	ctrl  = 2
	shift = 8
)

// press types keys. Each is one event with its text, as a keyboard makes it:
// where a page refuses a key, no character follows, unlike with
// chromedp.KeyEvent.
func (p *page) press(keys string) {
	p.t.Helper()
	p.chord(0, keys)
}

// chord types keys while modifiers are held.
func (p *page) chord(modifiers int64, keys string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	for _, r := range keys {
		events := kb.Encode(r)
		down, up := *events[0], *events[len(events)-1]
		if len(events) == 3 && modifiers&ctrl == 0 {
			down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
		} else {
			down.Type = input.DispatchKeyEventTypeRawKeyDown
		}
		for _, e := range []input.DispatchKeyEventParams{down, up} {
			e.Modifiers |= modifiers
			_, err := chromedp.Call(ctx, input.DispatchKeyEvent, e)
			require.NoError(p.t, err, p.name)
		}
	}
}

// Keys reach the page as from a keyboard: a refused Enter leaves no new line.
func TestKeys(t *testing.T) {
	p := newPage(t, newBrowser(t), "keys")
	p.open("data:text/html,<textarea autofocus></textarea><script>onkeydown = (e) => { if (e.key === 'Enter' && !e.shiftKey) e.preventDefault() }</script>")
	p.until("the focus", `document.activeElement.tagName === "TEXTAREA"`)
	p.press("aB" + kb.Enter + "c")
	p.chord(shift, kb.Enter)
	p.press("é" + kb.ArrowLeft + kb.Backspace)
	require.Equal(t, "aBcé", eval[string](p, `document.querySelector("textarea").value`))
}
