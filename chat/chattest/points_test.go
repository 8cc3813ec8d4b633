package chattest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// points says, for what a store must be tried in, which cases of TestStore do it,
// and which tests of the stores here do what a suite can't. The last column are
// tests of packages sqlite and postgres.
const points = `
	concurrency, one log per room  Append/Sequence Append/Flood Page/WhileAppending Shared/Sequence      | TestOpenWaitsForTheFormerStore TestStoreOfAnotherProcess TestOpenTogether
	resend, one after the other    Once/Again Once/PresentText Once/BeforeAllElse Settle/Twice Calls/OpenAgain
	resend, at once                Once/Concurrent Once/ConcurrentlyReused Settle/Race Calls/OpenRace    | TestResendsOfOneBatchGetOneRow
	resend, other content or user  Once/Reused Once/OtherUserOtherRoom
	resend, opened again           Once/Reopened Once/TwoStores Calls/Reopened
	a failure makes no gap         Append/FailuresLeaveNoGap Append/BadAmongGood                         | TestBadRowFailsAlone
	cancelled                      Life/EndedContext Life/CancelledMeanwhile                             | TestCanceledInBatch
	closed                         Life/CloseMeanwhile Life/Closed Life/Goroutines
	a full queue                   Append/Flood
	access                         Access/Stale Access/Race Access/OneMoment Viewers/OneMoment Viewers/Members Viewers/HiddenHistory Shared/Access
	paging                         Page/Ranges Page/Limits Page/Bytes Page/Walks Trim/Floor              | TestReactionsFillNoPage
	read markers and unread        Inbox/ReadMarks Inbox/Unread Inbox/OneMoment Trim/Unread Trim/MarkBelow
	inbox of many rooms            Inbox/Many                                                            | TestConnectInOneQuery
	rooms                          Rooms/CreateRace Rooms/NameRace Rooms/DirectRace Rooms/DirectSelf Shared/Direct Kinds/Archived
	edits and deletions            Edits/Edited Edits/EditedTwice Edits/Deleted Edits/Refs Edits/OldTextIsGone Edits/OldTextIsGoneReopened
	texts, data and ids            Values/Texts Values/Data Values/IDs                                   | TestNoText
	time                           Values/Times Values/Clock Values/ClockSetBack Values/ClockSetBackReopened | TestServerClock
	migrations                                                                                           | TestSchema TestUpgradeFromVersion1 TestUpgradeThatFails TestOpenRefuses
	killed, also in a commit                                                                             | TestKill TestStorm TestServerKilledUnderLoad TestLostCommit
	disk and server                                                                                      | TestFullDisk TestFullDiskAtOpen TestReadOnlyDisk TestCorruptDatabase TestNodeSurvives TestServerDown
	query plans                                                                                          | TestQueryPlans TestPlansOfEmptyTablesStayGood
	trim                           Trim/Floor Trim/Once Trim/Sequence Trim/Last Trim/Reopened Trim/Shared | TestTrimShrinksTheFile
	calls                          Calls/Open Calls/Expire Calls/ExpireRace Calls/Kept Settle/Ways Settle/NewRace Shared/Calls
`

var testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// tests returns the names of the tests in the packages in dirs.
func tests(t *testing.T, dirs ...string) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no tests: %v", dir, err)
		}
		for _, f := range files {
			source, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range testFunc.FindAllSubmatch(source, -1) {
				there[string(m[1])] = true
			}
		}
	}
	return there
}

// TestPoints keeps the table true: the cases and the tests that it names are
// there.
func TestPoints(t *testing.T) {
	there := map[string]bool{}
	for _, g := range storeGroups {
		for _, c := range g.cases {
			there[g.name+"/"+c.name] = true
		}
	}
	tested := tests(t, "../sqlite", "../postgres")
	for line := range strings.Lines(points) {
		cases, others, _ := strings.Cut(line, "|")
		for _, name := range strings.Fields(others) {
			if !tested[name] {
				t.Errorf("there is no test %s of a store, which is to try %q", name, strings.TrimSpace(line[:31]))
			}
		}
		for _, name := range strings.Fields(cases) {
			if strings.Contains(name, "/") && !there[name] {
				t.Errorf("there is no case %s, which is to try %q", name, strings.TrimSpace(line[:31]))
			}
		}
	}
}
