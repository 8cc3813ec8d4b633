package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/internal/proctest"
)

// usable notes when somebody can first type: on the login page, or in a room
// with its messages.
const usable = `(() => {
	const look = () => {
		const field = document.activeElement;
		const room = document.body?.dataset.state === "online" && !document.querySelector('[data-testid="timeline"]')?.hasAttribute("aria-busy");
		if (field?.dataset.testid === "login-username" || field?.dataset.testid === "composer" && room) window.usableAfter = performance.now();
		else requestAnimationFrame(look);
	};
	look();
})()`

// How long it takes from asking for the page until one can type, by the page's
// own clock, with a server that is up. "login" is the first visit, with nothing
// in the browser's cache; "room" is a visit of somebody who is logged in, to a
// room with 50 messages.
//
//	go test -run '^$' -bench Usable -benchtime 10x .
func BenchmarkUsable(b *testing.B) {
	browser := newBrowser(b)
	s := startServer(b, b.TempDir(), proctest.FreeAddr(b))
	load := func(p *page) float64 {
		p.open(s.url)
		p.until("a place to type", "window.usableAfter")
		return eval[float64](p, "window.usableAfter")
	}
	b.Run("login", func(b *testing.B) {
		sum := 0.0
		for b.Loop() {
			p := newPage(b, browser, "new")
			p.inject(usable)
			sum += load(p)
			require.NoError(b, chromedp.Cancel(p.ctx))
		}
		b.ReportMetric(sum/float64(b.N), "ms-until-usable")
		b.ReportMetric(0, "ns/op") // with what the driver does, it says nothing
	})
	b.Run("room", func(b *testing.B) {
		p := s.join(browser, "carlos")
		p.enter("general")
		p.sayAll("line ", "50")
		p.until("all of them", readMessages+`.filter((m) => m.State === "stored" && m.Text.startsWith("line ")).length >= 50`)
		p.inject(usable)
		sum := 0.0
		for b.Loop() {
			sum += load(p)
		}
		b.ReportMetric(sum/float64(b.N), "ms-until-usable")
		b.ReportMetric(0, "ns/op")
	})
}

// What [TestVolume] does, with its times: medians in ms from a key or an event
// until the frame that shows it.
//
//	go test -run '^$' -bench Volume -benchtime 3x .
func BenchmarkVolume(b *testing.B) {
	browser := newBrowser(b, volumeFlags...)
	s := startServer(b, b.TempDir(), proctest.FreeAddr(b))
	var all []volumes
	for b.Loop() {
		all = append(all, measureVolumes(b, browser, s))
	}
	for unit, of := range map[string]func(volumes) float64{
		"ms-key":                      func(v volumes) float64 { return v.TypingQuiet },
		"ms-key-at-100-msg/s":         func(v volumes) float64 { return v.TypingBusy },
		"ms-key-10k-rows":             func(v volumes) float64 { return v.TypingQuietMany },
		"ms-key-10k-rows-100-msg/s":   func(v volumes) float64 { return v.TypingBusyMany },
		"ms-badge-10-rooms":           func(v volumes) float64 { return v.FewRooms },
		"ms-badge-1000-rooms":         func(v volumes) float64 { return v.ManyRooms },
		"ms-older-page":               func(v volumes) float64 { return v.OlderFew },
		"ms-older-page-9k-rows":       func(v volumes) float64 { return v.OlderMany },
		"ms-scroll-3000px-10k-rows":   func(v volumes) float64 { return v.Jump },
		"MB-more-after-10k-received":  func(v volumes) float64 { return float64(v.Growth) / (1 << 20) },
		"elements-more-after-10k":     func(v volumes) float64 { return float64(v.Elements) },
		"ms-worst-frame-at-100-msg/s": func(v volumes) float64 { return v.Worst },
	} {
		sum := 0.0
		for _, v := range all {
			sum += of(v)
		}
		b.ReportMetric(sum/float64(len(all)), unit)
	}
	b.ReportMetric(0, "ns/op")
}

// volumeFlags let a page collect its garbage and say what is left.
var volumeFlags = []chromedp.ExecAllocatorOption{chromedp.Flag("js-flags", "--expose-gc"), chromedp.Flag("enable-precise-memory-info", true)}

// measureVolumes runs volume.js on a page of s.
func measureVolumes(t testing.TB, browser context.Context, s *server) volumes {
	t.Helper()
	p := newPage(t, browser, "volume")
	p.open(s.url)
	p.state("login")
	ctx, cancel := context.WithTimeout(p.ctx, 3*patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[volumes](volume, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	p.picture("end")
	require.NoError(t, chromedp.Cancel(p.ctx))
	return v
}
