package transporttest

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carlware/gochat/transport"
	"github.com/carlware/gochat/transport/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a tb that a case may fail on.
type recorder struct {
	mu     sync.Mutex
	failed bool
	lines  []string
}

func (r *recorder) Helper() {}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Logf(format string, args ...any) { r.log(false, format, args...) }

func (r *recorder) Errorf(format string, args ...any) { r.log(true, format, args...) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.log(true, format, args...)
	runtime.Goexit()
}

func (r *recorder) log(failed bool, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = r.failed || failed
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

// try runs one case on brokers that wrap makes of good ones.
func try(c testCase, wrap func(*broken), change func(*memory.Options, *Options)) *recorder {
	mo := memory.Options{Events: 1000, Requests: 50, Logger: slog.New(slog.DiscardHandler)}
	o := Options{
		Timeout: 2 * time.Second, Quiet: 150 * time.Millisecond,
		Overflow: 1500, Full: 60,
		Connect: func(b transport.Broker) transport.Broker {
			return newBroken(b.(*broken).inner.Connect(), wrap)
		},
		Break: func(b transport.Broker) {
			b.(*broken).inner.Disconnect(nil)
			b.(*broken).inner.Reconnect()
			b.(*broken).breaks.Add(1)
		},
		Faults: suiteFaults,
		DeadLetters: func(b transport.Broker, bot, command string) (ids []string) {
			for _, dead := range b.(*broken).inner.DeadLetters() {
				ids = append(ids, dead.Request.ID)
			}
			return ids
		},
	}
	if change != nil {
		change(&mo, &o)
	}
	r := &recorder{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.test(r, o, func() transport.Broker { return newBroken(memory.New(&mo), wrap) })
	}()
	<-ended
	return r
}

// tryAll tries n cases, many at once, but those that count goroutines alone.
func tryAll(n int, which func(i int) testCase, one func(i int) *recorder) []*recorder {
	records := make([]*recorder, n)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 24)
	for i := range n {
		if !strings.HasPrefix(which(i).name, countsGoroutines) {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				records[i] = one(i)
			})
		}
	}
	wg.Wait()
	for i := range n {
		if records[i] == nil {
			records[i] = one(i)
		}
	}
	return records
}

var (
	cutFault = Fault{
		Name: "cut", Becomes: transport.Down,
		Begin: func(b transport.Broker) { b.(*broken).inner.Disconnect(nil); b.(*broken).breaks.Add(1) },
		End:   func(b transport.Broker) { b.(*broken).inner.Reconnect() },
	}
	blockedFault = Fault{
		Name: "blocked", Becomes: transport.Blocked,
		Begin: func(b transport.Broker) { b.(*broken).inner.Block(nil); b.(*broken).breaks.Add(1) },
		End:   func(b transport.Broker) { b.(*broken).inner.Unblock() },
	}
	slowFault = Fault{
		Name: "slow", Becomes: transport.Up,
		Begin: func(b transport.Broker) { b.(*broken).inner.Delay(5 * time.Millisecond); b.(*broken).breaks.Add(1) },
		End:   func(b transport.Broker) { b.(*broken).inner.Delay(0) },
	}
	suiteFaults = []Fault{cutFault, blockedFault, slowFault}
)

// allCases are those that try can run.
func allCases() []testCase { return withFaults(cases(), suiteFaults) }

// TestGood runs the suite as the broken brokers below do, on one that is not.
func TestGood(t *testing.T) {
	all := allCases()
	which := func(i int) testCase { return all[i] }
	records := tryAll(len(all), which, func(i int) *recorder { return try(all[i], asIs, nil) })
	for i, c := range all {
		if records[i].Failed() {
			t.Errorf("%q fails on a good broker:\n%s", c.name, records[i].text())
		}
	}
}

// TestBroken shows the suite brokers that break one rule each. The case of
// that rule has to notice.
func TestBroken(t *testing.T) {
	all := allCases()
	find := func(i int) testCase {
		at := slices.IndexFunc(all, func(c testCase) bool { return c.name == faulty[i].fails })
		if at < 0 {
			t.Fatalf("there is no case %q", faulty[i].fails)
		}
		return all[at]
	}
	leaked = make(chan struct{})
	defer close(leaked)
	one := func(i int) *recorder { return try(find(i), faulty[i].wrap, faulty[i].change) }
	records := tryAll(len(faulty), find, one)
	for i, f := range faulty {
		t.Run(f.name, func(t *testing.T) {
			r := records[i]
			for range 2 { // on a busy machine the times may have been too short
				if !strings.Contains(r.text(), f.says) {
					r = one(i)
				}
			}
			switch got := r.text(); {
			case !r.Failed():
				t.Errorf("%q passes", f.fails)
			case !strings.Contains(got, f.says):
				t.Errorf("%q fails without saying %q:\n%s", f.fails, f.says, got)
			case !strings.Contains(got, "the rule: "+find(i).rule):
				t.Errorf("%q fails without saying its rule:\n%s", f.fails, got)
			}
		})
	}
}

const countsGoroutines = "no goroutine is left"

// A case that no broken broker fails may not be able to.
func TestEveryCaseCanFail(t *testing.T) {
	can := make(map[string]bool)
	for _, f := range faulty {
		can[f.fails] = true
	}
	names := make(map[string]bool)
	for _, c := range cases() {
		if c.fault != nil {
			c.name += ": cut"
		}
		if !can[c.name] {
			t.Errorf("no broken broker is there for the case %q", c.name)
		}
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
		if c.rule == "" {
			t.Errorf("the case %q does not say its rule", c.name)
		}
	}
}

// TestBroker itself, without help from the broker: what needs it is left out,
// all else passes.
func TestWithoutHelp(t *testing.T) {
	TestBroker(t, func(t *testing.T) transport.Broker {
		return memory.New(&memory.Options{Logger: slog.New(slog.DiscardHandler)})
	}, &Options{Quiet: 30 * time.Millisecond})
}

// What the package comment quotes are names of cases.
func TestDocNamesCases(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, covered, _ := strings.Cut(string(text), "# What is covered")
	names := make(map[string]bool)
	for _, c := range cases() {
		names[c.name] = true
	}
	words := strings.Join(strings.Fields(strings.ReplaceAll(covered, "//", " ")), " ")
	for i, name := range strings.Split(words, `"`) {
		if i%2 == 1 && !names[name] && name != "again" && name != "belong" && name != "broken" && name != "fault" && name != "announcement" {
			t.Errorf("there is no case %q", name)
		}
	}
}
