package command

import (
	"testing"

	"github.com/carlware/gochat/internal/deptest"
)

func TestImports(t *testing.T) {
	deptest.Only(t, "command", "transport", "internal/text", "internal/strictjson")
	deptest.Only(t, "command/commandtest", "command", "transport", "internal/text", "internal/strictjson")
}
