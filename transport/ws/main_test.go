package ws

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// roles are other programs in the binary of the tests, by name: benchmarks need
// peers whose cost is not the server's.
var roles = map[string]func(){}

const roleEnv = "GOCHAT_WS_ROLE"

func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleEnv)]; role != nil {
		role()
		return
	}
	goleak.VerifyTestMain(m)
}
