package transporttest

import (
	"testing"
	"time"

	"github.com/carlware/gochat/transport"
)

// Options say how to test a particular broker. nil means all defaults.
type Options struct {
	// Timeout is how long anything that must happen may take, such as one
	// delivery, one retry or the return of one call. 0 means 10 s. It is only
	// used up by brokers that are broken, or slow.
	Timeout time.Duration

	// Quiet is how long the suite watches that something does not happen. 0
	// means 150 ms. It has to be longer than a delivery takes, also a repeated
	// one.
	Quiet time.Duration

	// Connect returns another connection to the broker behind b, as another
	// process would open. It is called once in a case, and the suite closes
	// what it returns. nil: all cases run on one connection.
	Connect func(b transport.Broker) transport.Broker

	// Break cuts the connection of b without closing b, which must come back
	// by itself within Timeout, also when the cut happens after Break has
	// returned. nil: the cases about broken connections are left out.
	Break func(b transport.Broker)

	// Faults are what happens to connections and lasts, such as a broker that
	// is away, frozen, or out of memory, or a network that stalls. Each of the
	// cases about faults is run with each of them. nil: they are left out.
	Faults []Fault

	// DeadLetters returns the IDs of the requests to bot and command that were
	// set aside. nil: the suite only checks that they are not delivered again.
	DeadLetters func(b transport.Broker, bot, command string) []string

	// Overflow is how many events of 1 KiB are more than waits for one
	// subscriber. 0: the suite does not check that queues of events are
	// bounded. Other cases publish up to 600 small events in one go and expect
	// that a subscriber that reads gets them all.
	Overflow int

	// Full is how many requests of 1 KiB are more than waits for one worker.
	// 0: the suite does not check that queues of requests are bounded. Other
	// cases let 40 small requests wait.
	Full int
}

func (o *Options) withDefaults() Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Quiet <= 0 {
		c.Quiet = 150 * time.Millisecond
	}
	return c
}

// TestBroker checks that the brokers that open returns keep the contract of
// package transport. open is called at least once in each subtest with its t,
// and returns a broker that is Up or soon will be; the suite closes it.
func TestBroker(t *testing.T, open func(t *testing.T) transport.Broker, o *Options) {
	opts := o.withDefaults()
	for _, c := range withFaults(cases(), opts.Faults) {
		if c.needs != nil {
			if field := c.needs(&opts); field != "" {
				t.Logf("left out: %q, because Options.%s is not set", c.name, field)
				continue
			}
		}
		t.Run(c.name, func(t *testing.T) {
			c.test(t, opts, func() transport.Broker { return open(t) })
		})
	}
}

// testCase is one rule.
type testCase struct {
	name string
	rule string // of the contract, in a sentence
	run  func(*env)

	fault func(*env, Fault) // run, once for each of Options.Faults

	needs func(*Options) string // the option that it can't do without and that is not set
}

// cases returns the whole suite.
func cases() []testCase {
	var all []testCase
	for _, group := range [][]testCase{
		eventCases, orderCases,
		requestCases, failureCases, deadlineCases, stoppingCases,
		resultCases,
		announcementCases,
		lifeCases, limitCases, ownershipCases,
		breakCases, faultCases,
	} {
		all = append(all, group...)
	}
	return all
}

// test runs the case and says what the rule is when it was broken.
func (c *testCase) test(t tb, o Options, open func() transport.Broker) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the rule: %s", c.rule)
		}
	}()
	e := &env{tb: t, o: o, open: open}
	defer e.close()
	c.run(e)
}
