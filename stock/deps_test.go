package stock

import (
	"testing"

	"github.com/carlware/gochat/internal/deptest"
)

func TestImports(t *testing.T) {
	deptest.Only(t, "stock", "command", "transport", "internal/text", "internal/strictjson", "github.com/shopspring/decimal")
}
