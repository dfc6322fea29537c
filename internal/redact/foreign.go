package redact

import (
	"strings"
	"unicode/utf8"
)

// Words of other languages for a password, and for a key or a token. Those of letters that no identifier has are looked for only in lines
// that have such letters; the rest is in the automaton.
var (
	plainPasswords   = []string{"mot de passe", "wachtwoord", "lozinka", "salasana", "adgangskode", "passord", "heslo", "parola", "kata sandi", "palavra-passe"}
	plainSecrets     = []string{"clave api", "clave de api", "clave secreta", "clave privada", "chave de api", "chave secreta", "chave privada", "chiave api", "chiave segreta", "zugriffstoken"}
	foreignPasswords = []string{"contraseña", "Contraseña", "lösenord", "Lösenord", "hasło", "Hasło", "jelszó", "Jelszó", "şifre", "Şifre", "пароль", "Пароль", "密码", "密碼", "口令", "パスワード",
		"暗証番号", "비밀번호", "암호", "كلمة المرور", "סיסמה", "รหัสผ่าน", "mật khẩu", "Mật khẩu"}
	foreignSecrets = []string{"lé API", "lé api", "lé d'API", "lé secrète", "lé privée", "API-Schlüssel", "eheimer Schlüssel", "rivater Schlüssel", "eton d'accès", "люч API", "екретный ключ", "密钥", "密鑰", "令牌",
		"アクセストークン", "秘密鍵", "APIキー", "API 키", "비밀 키", "토큰"}
)

// foreignLines judges the lines that have letters outside ASCII.
func (f *finder) foreignLines() {
	s := f.s
	for i := 0; i < len(s); i++ {
		if s[i] < utf8.RuneSelf {
			continue
		}
		from := max(0, i-lookBehind)
		from += strings.LastIndexByte(s[from:i], '\n') + 1
		to := min(len(s), i+lookBehind)
		if line := strings.IndexByte(s[i:to], '\n'); line >= 0 {
			to = i + line
		}
		f.foreignWords(from, to, foreignPasswords, pass)
		f.foreignWords(from, to, foreignSecrets, strong)
		i = to
	}
}

func (f *finder) foreignWords(from, to int, words []string, c class) {
	for _, w := range words {
		for at := from; ; {
			next := strings.Index(f.s[at:to], w)
			if next < 0 {
				break
			}
			at += next + len(w)
			f.foreign(at, c)
		}
	}
}

// foreign judges what follows such a word, which ends at end.
func (f *finder) foreign(end int, c class) {
	s := f.s
	i := f.quotes(end)
	for _, w := range []string{" (", "("} { // a user in brackets
		if strings.HasPrefix(s[i:], w) {
			if close := strings.IndexByte(s[i:min(len(s), i+40)], ')'); close > 0 {
				i += close + 1
			}
		}
	}
	i = f.blanks(i)
	if at, how := f.described(i); how != formNone {
		f.value(at, how, c, "")
		return
	}
	found := false
	for _, w := range []string{":", "=", "：", "＝", "->", "→", "ist ", "es ", "est ", "è ", "é ", "is ", "は", "是", "为", "為"} {
		if strings.HasPrefix(s[i:], w) {
			i, found = i+len(w), true
			break
		}
	}
	if !found || i >= len(s) {
		return
	}
	if i = f.blanks(i); strings.ContainsAny(f.s[i:max(i, f.bare(i, formLoose))], alnum) || f.quotes(i) > i { // no words
		f.value(i, formLoose, c, "")
	}
}
