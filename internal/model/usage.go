package model

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

// Usage is what one or more replies used, in tokens.
type Usage struct {
	In      int     `json:"in"`                // all of the prompt, cached or not
	Out     int     `json:"out"`               // reasoning included
	Cached  int     `json:"cached,omitempty"`  // the part of In that the provider had at hand
	Written int     `json:"written,omitempty"` // the part of In that was put into the provider's cache
	Cost    float64 `json:"cost,omitempty"`    // dollars, if the provider said so
	Model   string  `json:"model,omitempty"`   // who answered, as the provider names it
}

func (u Usage) plus(v Usage) Usage {
	if v.Model == "" {
		v.Model = u.Model
	}
	return Usage{u.In + v.In, u.Out + v.Out, u.Cached + v.Cached, u.Written + v.Written, u.Cost + v.Cost, v.Model}
}

// The keys of a choice's GenerationInfo, the same for every provider.
const (
	keyIn       = "PromptTokens"
	keyOut      = "CompletionTokens"
	keyTotal    = "TotalTokens"
	keyCached   = "PromptCachedTokens"
	keyWritten  = "CacheWriteTokens"
	keyCost     = "CostUSD"
	keyModel    = "Model"        // as the provider names it
	keyProvider = "Provider"     // as the configuration names it
	keyID       = "RequestID"    // of the reply
	keyFinish   = "FinishReason" // the provider's own word
	keyTries    = "Tries"
)

func (u Usage) info() map[string]any {
	return map[string]any{
		keyIn: u.In, keyOut: u.Out, keyTotal: u.In + u.Out, keyCached: u.Cached, keyWritten: u.Written, keyCost: u.Cost, keyModel: u.Model,
	}
}

// UsageOf reads what a reply used. Replies of this package hold it once, in their one choice.
func UsageOf(resp *llms.ContentResponse) Usage {
	if resp == nil || len(resp.Choices) == 0 || resp.Choices[0] == nil {
		return Usage{}
	}
	info := resp.Choices[0].GenerationInfo
	n := func(key string) int { i, _ := info[key].(int); return i }
	u := Usage{In: n(keyIn), Out: n(keyOut), Cached: n(keyCached), Written: n(keyWritten)}
	u.Cost, _ = info[keyCost].(float64)
	u.Model, _ = info[keyModel].(string)
	return u
}

// A price is what a million tokens cost, in dollars.
type price struct {
	In     float64  `json:"in"`
	Out    float64  `json:"out"`
	Cached float64  `json:"cached"`
	Write  *float64 `json:"write"` // putting tokens into the cache; as In if not set
	Long   *struct {
		Above int     `json:"above"` // tokens of the prompt
		In    float64 `json:"in"`
		Out   float64 `json:"out"`
	} `json:"long"`
}

// Prices are what models cost, by name, and since when the list is good.
type Prices struct {
	AsOf   string           `json:"asOf"`
	Note   string           `json:"note"`
	Models map[string]price `json:"models"`
}

//go:embed prices.json
var priceList []byte

// LoadPrices reads a price list; nil reads the one that comes with the program.
func LoadPrices(data []byte) (*Prices, error) {
	if data == nil {
		data = priceList
	}
	var p Prices
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("read price list: %w", err)
	}
	for name, m := range p.Models {
		if m.In < 0 || m.Out < 0 || m.Cached < 0 || m.Cached > m.In {
			return nil, fmt.Errorf("read price list: the prices of %s make no sense", name)
		}
	}
	return &p, nil
}

// dated is what providers append to a model's name.
var dated = regexp.MustCompile(`([-@]\d{4}-?\d{2}-?\d{2}|-latest|:[a-z]+)$`)

// Of returns what u cost in dollars, if the list knows the model. What the provider itself said goes first.
func (p *Prices) Of(model string, u Usage) (usd float64, ok bool) {
	if u.Cost > 0 {
		return u.Cost, true
	}
	m, ok := p.find(model)
	if !ok {
		return 0, false
	}
	in, out, scale := m.In, m.Out, 1.0
	if m.Long != nil && u.In > m.Long.Above && m.In > 0 {
		scale, in, out = m.Long.In/m.In, m.Long.In, m.Long.Out
	}
	write := in
	if m.Write != nil {
		write = *m.Write * scale
	}
	fresh := max(0, u.In-u.Cached-u.Written)
	return (float64(fresh)*in + float64(u.Cached)*m.Cached*scale + float64(u.Written)*write + float64(u.Out)*out) / 1e6, true
}

// find looks a model up by its name, without the provider's or the maker's name before it and the date after it.
func (p *Prices) find(model string) (price, bool) {
	name := strings.ToLower(model)
	if provider, rest, ok := strings.Cut(name, ":"); ok && slices.Contains(providers, provider) {
		name = rest
	}
	name = name[strings.LastIndex(name, "/")+1:]
	for range 3 {
		if m, ok := p.Models[name]; ok {
			return m, true
		}
		name = dated.ReplaceAllString(name, "")
	}
	return price{}, false
}

// Price returns what u of model cost in dollars by the list that comes with the program; ok is false if the list does
// not know the model, and then only the tokens are known.
func Price(model string, u Usage) (usd float64, ok bool) {
	p, err := LoadPrices(nil)
	if err != nil {
		return 0, false
	}
	return p.Of(model, u)
}

// Pricer returns the price of tokens of model for an agent's budget, nil if the list does not know the model: such a
// budget is kept in tokens only.
func Pricer(model string) func(agent.Tokens) float64 {
	p, err := LoadPrices(nil)
	if err != nil {
		return nil
	}
	if _, ok := p.find(model); !ok {
		return nil
	}
	return func(t agent.Tokens) float64 {
		usd, _ := p.Of(model, Usage{In: t.In, Out: t.Out, Cached: t.Cached})
		return usd
	}
}
