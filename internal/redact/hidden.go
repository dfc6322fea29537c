package redact

import "unicode"

// Hidden reports whether a reader would not see r, or see other text differently because of it: controls, marks that turn
// the direction of reading, private characters, and those that Unicode calls ignorable (Default_Ignorable_Code_Point,
// Variation_Selector). Tab, line end and the two selectors that choose how an emoji looks are not.
func Hidden(r rune) bool {
	switch {
	case r < 0x7f:
		return r < ' ' && r != '\n' && r != '\t'
	case r == 0xfe0e, r == 0xfe0f:
		return false
	}
	return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
