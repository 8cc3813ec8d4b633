package chat_test

import (
	"testing"

	"github.com/carlware/gochat/internal/deptest"
)

func TestImportsTheStandardLibraryOnly(t *testing.T) {
	deptest.Only(t, "chat", "command", "transport", "internal/text", "internal/strictjson")
	deptest.Only(t, "chat/chattest", "chat", "command", "transport", "internal/text", "internal/strictjson")
}
