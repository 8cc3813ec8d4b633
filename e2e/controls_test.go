package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

// hover puts the mouse on the message that contains text, where its actions
// appear.
func (p *page) hover(text string) {
	p.t.Helper()
	p.until("the message "+text, row(text))
	var last []float64
	p.eventually("the message stays where it is", func() bool {
		at := eval[[]float64](p, `((el) => { el.scrollIntoView({ block: "nearest" }); const r = el.querySelector(".msg-text").getBoundingClientRect(); return [r.x + 4, r.y + r.height / 2]; })(`+row(text)+`)`)
		stays := len(last) == 2 && at[0] == last[0] && at[1] == last[1]
		last = at
		return stays
	})
	p.do(chromedp.MouseEvent("mouseMoved", 1, 1), chromedp.MouseEvent("mouseMoved", last[0], last[1]))
	p.until("the actions of "+text, row(text)+`?.querySelector('[data-testid="tools"]')`)
}

// row is an expression for the message that contains text.
func row(text string) string {
	return `[...document.querySelectorAll('[data-testid="message"][data-state="stored"]')].find((m) => m.querySelector('[data-testid="message-text"]')?.textContent.includes(` + quote(text) + `))`
}

// reactions waits until those of a message are as wanted, such as "👍2".
func (p *page) reactions(text, want string) {
	p.t.Helper()
	p.until("reactions "+want, `[...(`+row(text)+`?.querySelectorAll('[data-testid="reaction"]') ?? [])].map((r) => r.dataset.emoji + r.dataset.count).join(" ") === `+quote(want))
}

func TestControls(t *testing.T) {
	browser := newBrowser(t)
	s := startServer(t, t.TempDir(), proctest.FreeAddr(t))
	carlos, john := s.join(browser, "carlos"), s.join(browser, "john")
	carlos.enter("general")
	john.enter("general")
	both := []*page{carlos, john}

	t.Run("Reactions", func(t *testing.T) {
		carlos.say("shall we go?")
		john.sees("carlos", "shall we go?")
		john.hover("shall we go?")
		john.click("react")
		john.clickWhere("emoji", `el.dataset.emoji === "👍"`)
		for _, p := range both {
			p.reactions("shall we go?", "👍1")
		}
		carlos.clickWhere("reaction", `el.dataset.emoji === "👍"`)
		for _, p := range both {
			p.reactions("shall we go?", "👍2")
		}
		carlos.hover("shall we go?")
		carlos.click("react")
		carlos.fill("emoji-own", "<b>"+kb.Enter) // any text the server takes
		john.reactions("shall we go?", "👍2 <b>1")
		carlos.clickWhere("reaction", `el.dataset.emoji === "<b>"`) // taken back
		for _, p := range both {
			p.reactions("shall we go?", "👍2")
		}
		john.open(s.url)
		john.state("online")
		john.enter("general")
		john.reactions("shall we go?", "👍2") // they are in the history
	})

	t.Run("EditAndDelete", func(t *testing.T) {
		carlos.say("a mistkae")
		carlos.sees("carlos", "a mistkae")
		carlos.fill("composer", "a draft")
		carlos.hover("a mistkae")
		carlos.click("edit")
		carlos.until("the old text", `document.querySelector('[data-testid="composer"]').value === "a mistkae"`)
		carlos.press(kb.Escape)
		carlos.until("the draft", `document.querySelector('[data-testid="composer"]').value === "a draft"`)
		eval[bool](carlos, `(document.querySelector('[data-testid="composer"]').select(), true)`)
		carlos.press(kb.Backspace + kb.ArrowUp) // in an empty field: the last own message
		carlos.until("the old text", `document.querySelector('[data-testid="composer"]').value === "a mistkae"`)
		for range "kae" {
			carlos.press(kb.Backspace)
		}
		carlos.press("ake" + kb.Enter)
		for _, p := range both {
			p.sees("carlos", "a mistake")
			p.until("the mark", row("a mistake")+`?.querySelector('[data-testid="message-edited"]')`)
		}
		john.hover("a mistake")
		require.False(t, eval[bool](john, `Boolean(document.querySelector('[data-testid="edit"], [data-testid="delete"]'))`), "not of others")
		carlos.hover("a mistake")
		carlos.click("delete")
		carlos.until("a question", `document.querySelector('[data-testid="confirm-dialog"]')`)
		carlos.picture("delete")
		carlos.click("confirm")
		for _, p := range both {
			p.sees("carlos", "This message was deleted.")
			require.Zero(t, p.count("a mistake"))
		}
	})

	t.Run("ReplyWithQuote", func(t *testing.T) {
		john.hover("shall we go?")
		john.click("reply")
		john.until("what is answered", `document.querySelector('[data-testid="composer-about"]').textContent.includes("shall we go?")`)
		john.picture("replying")
		john.press("at nine" + kb.Enter)
		for _, p := range both {
			p.sees("john", "at nine")
			p.until("the quote", row("at nine")+`?.querySelector('[data-testid="quote"]')?.textContent === "carlos: shall we go?"`)
		}
		john.until("the end of answering", `document.querySelector('[data-testid="composer-about"]').hidden`)
	})

	t.Run("MentionCompletion", func(t *testing.T) {
		carlos.fill("composer", "hey @jo")
		carlos.until("john is offered", `document.querySelector('[data-testid="mention-option"][aria-selected="true"]')?.textContent.includes("john")`)
		carlos.picture("mention")
		carlos.press(kb.Enter)
		carlos.until("the name", `document.querySelector('[data-testid="composer"]').value === "hey @john "`)
		carlos.press("look" + kb.Enter)
		john.sees("carlos", "hey @john look")
		john.until("the mention stands out", row("hey @john look")+`.classList.contains("msg-mention")`)
	})

	t.Run("RoomSettingsAndMembers", func(t *testing.T) {
		carlos.click("new-room")
		carlos.fill("room-dialog-name", "lab")
		carlos.click("room-dialog-private")
		carlos.click("room-dialog-submit")
		carlos.until("the room", `document.querySelector('[data-testid="room-title"]')?.textContent === "lab"`)
		invite := func() {
			carlos.click("members")
			carlos.until("the members", `document.querySelector('[data-testid="member"]')`)
			carlos.click("invite")
			carlos.fill("picker-input", "joh")
			carlos.clickWhere("picker-item", `el.textContent.includes("john")`)
		}
		invite()
		john.enter("lab")

		carlos.click("members")
		carlos.until("john as a member", `document.querySelectorAll('[data-testid="member"]').length === 2`)
		carlos.picture("members")
		require.True(t, eval[bool](carlos, `(() => { const s = [...document.querySelectorAll('[data-testid="member"]')].find((m) => m.textContent.includes("john")).querySelector("select"); s.value = "admin"; s.dispatchEvent(new Event("change")); return true; })()`))
		carlos.until("john as an admin", `document.querySelector('[data-testid="member"][data-role="admin"]')?.textContent.includes("john")`)
		carlos.press(kb.Escape)

		john.click("settings")
		john.until("the name", `document.querySelector('[data-testid="settings-name"]')?.value === "lab"`)
		require.False(t, eval[bool](john, `Boolean(document.querySelector('[data-testid="settings-archive"]'))`), "owners only")
		john.fill("settings-name", " 2")
		john.click("settings-rename")
		for _, p := range both {
			p.until("the new name", `document.querySelector('[data-testid="room-title"]')?.textContent === "lab 2"`)
		}
		carlos.click("settings")
		carlos.until("settings", `document.querySelector('[data-testid="settings-archive"]')`)
		carlos.picture("settings")
		carlos.click("settings-archive")
		for _, p := range both {
			p.until("no place to write", `document.querySelector('[data-testid="composer"]').disabled`)
		}
		carlos.click("settings")
		carlos.click("settings-archive")
		john.until("a place to write", `!document.querySelector('[data-testid="composer"]').disabled`)

		carlos.click("members")
		carlos.clickWhere("member-remove", `el.ariaLabel === "Remove john"`)
		carlos.click("remove-ban")
		carlos.click("confirm")
		carlos.until("john is banned", `document.querySelector('[data-testid="banned"]')?.textContent.includes("john")`)
		john.until("the room is gone", `![...document.querySelectorAll('[data-testid="room-name"]')].some((r) => r.textContent === "lab 2")`)
		carlos.click("unban")
		carlos.until("nobody is banned", `!document.querySelector('[data-testid="banned"]')`)
		carlos.press(kb.Escape)
		invite()
		john.enter("lab 2")
		john.click("settings")
		john.click("leave-room")
		john.click("confirm")
		john.until("the room is gone", `![...document.querySelectorAll('[data-testid="room-name"]')].some((r) => r.textContent === "lab 2")`)
	})
	for _, p := range both {
		p.clean()
	}
}
