package kernel

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Again reads the payload that was stored with a notice once more, with today's code and the clock of then. It was
// verified when it came and is redacted since.
func Again(n hotfix.Notice) (hotfix.Notice, error) {
	if len(n.Raw) == 0 {
		return hotfix.Notice{}, fmt.Errorf("the payload of %s was not stored: set storeRawEvents in the installation's settings to have it kept", n.ID)
	}
	d := &Delivery{StateID: n.ID, Event: n.Event, Settings: n.Settings}
	if err := json.Unmarshal(n.Raw, &d.payload); err != nil {
		return hotfix.Notice{}, fmt.Errorf("read the stored payload of %s: %w", n.ID, err)
	}
	if n.Failure != nil {
		d.opts.Now = n.Failure.Heard.Add(time.Second - 1) // Heard is that clock to the second
	}
	d.opts = d.opts.withDefaults()
	return d.Notice()
}
