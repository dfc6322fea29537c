package redact

import "strings"

// pairs are the two letters that stand together most often in the names programs use; they make nine tenths of all.
var pairs = func() (set [26][26]bool) {
	for p := range strings.FieldsSeq(`ab ac ad ag ai ak al am an ap ar as at au ba be bi bl bo bu ca ce ch ck cl co cr ct da dd de di dl do dr ds ea ec ed ee ef eg el em
		en ep eq er es et ev ew ex fa fe ff fi fl fo fr ft fu ge gi gn go gr gs ha he hi ho ht ia ib ic id ie if ig il im in io ip ir is it iv iz ke la ld le li ll lo ls
		lt lu ly ma me mi mm mo mp mu na nc nd ne nf ng ni no ns nt oa oc od of ol om on oo op or os ot ou ov ow pa pe pl po pr pt qu ra rc re rg ri rm ro rr rs rt ru ry
		sa sc se sh si sk so sp ss st su sy ta tc te th ti to tp tr ts tt tu ty ub ue ui ul um un up ur us ut va ve vi wa wi wr xc xe xf xp xt yp ys ze`) {
		set[p[0]-'a'][p[1]-'a'] = true
	}
	return set
}()

// wordy reports whether the letters of v follow each other as they do in words.
func wordy(v string) bool {
	all, common := 0, 0
	for i := 1; i < len(v); i++ {
		if isLetter(v[i-1]) && isLower(v[i]) {
			all++
			if pairs[v[i-1]|0x20-'a'][v[i]-'a'] {
				common++
			}
		}
	}
	return common*10 >= all*6
}
