package redact

import "strings"

// A class is how much a key says about the value beside it.
type class int

const (
	harmless class = iota
	weak           // the value must look random and like no id
	strong         // a token, a secret, an API key
	pass           // a password: people choose these
	phrase         // words that restore a wallet
	header         // Authorization and its kin
	cookies        // Cookie and Set-Cookie
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// Words that make any key harmless, wherever in the key they stand.
var publicWords = set(`public pub publishable cache cursor page pagination paging next prev previous continuation resume idempotency partition primary foreign
	sort range shard routing translation i18n lookup cancellation cancel usage prompt completion input output total max min num minimum maximum estimated remaining
	used count fingerprint integrity checksum commit sha sha1 sha256 sha512 digest etag trace span correlation annotation placeholder dedup dedupe
	restore csstoken design lexer parser syntax tokenizer keyboard hot shortcut press down up arrow issuer`)

// Words that, standing last, say that the value is about a secret, not one.
var aboutWords = set(`id ids name names ref refs arn url uri urls uris endpoint endpoints host hostname path paths file files filename dir type types kind count counts
	limit limits size length len expiry expires expired expiration exp ttl at in on age timeout policy version status state format encoding algorithm alg hash hashes
	thumbprint index prefix suffix regex pattern label labels hint hints field fields header headers param params scope scopes address symbol decimals contract balance
	amount price manager store provider service issuer reset enabled disabled required valid invalid set present exists missing strength rotation rule rules error errors
	message class mode method strategy source location owner user username email vault namespace budget rate cost window spent left seconds ms minutes hours days date time
	created updated refreshed changed modified usage stats info metadata meta schema template title description comment doc docs map list array by from to for of with
	request response handler helper util utils factory builder middleware plugin module interface model table column row entity func function callback event hook
	selector attribute attr props validator validation check checker test tests spec mock stream reader writer iterator position offset line symbols kinds standard bits`)

// Endings of words written together: dbpassword, authtoken, apikey.
var passEndings = []string{"password", "passwd", "pwd", "passphrase", "passcode", "passwort", "kennwort", "contrasena", "senha"}
var strongEndings = []string{"secret", "token", "apikey", "privatekey", "secretkey", "accesskey", "authkey", "signingkey", "encryptionkey", "sharedkey", "accountkey", "masterkey", "licensekey", "storagekey", "deploykey", "sharedaccesskey", "credential", "credentials", "presharedkey", "appkey", "servicekey"}

var passWords = set(`password passwd pwd pass passphrase passcode passwort kennwort psk pword userpass dbpass storepass keypass requirepass masterauth bindpw rootpw mypass
	smtppass mysqlpwd pgpass sshpass dbpwd userpwd passin passout pw senha contrasena otp totp`)
var strongWords = set(`secret secrets token apikey jwt credential credentials cred creds bearer pat csrf xsrf privkey privatekey signature sig verifier sas accesstoken idtoken tok passkey authkey phpsessid jsessionid`)
var weakWords = set(`auth session sid sessid sessionid seskey dsn webhook`)

// Words that, before "key", make it a secret one.
var keyWords = set(`api private priv secret access account auth signing sign encryption encrypt decrypt decryption crypto master license shared deploy service storage ssh bot
	webhook session app application admin root client server hmac aes rsa ec ecdsa ed25519 x25519 wallet signer deployer evm jwt cookie security subscription functions
	function write ingest ingestion rest role consumer integration data age wg wireguard preshared gpg pgp tls ssl rpc sealed box`)

// Words that may follow a key without changing what it is.
var tailWords = set(`base value val prod production dev development staging stage test testing live default main old new current backup raw str b64 base64 hex env v1 v2 v3 plain plaintext`)

var phraseWords = set(`mnemonic seed phrase`)

// judgeKey says what a key promises. A key is an identifier, or words with blanks between them.
func judgeKey(key string) class {
	var buf [16]string
	words := split(key, buf[:0])
	if len(words) > 1 && strings.HasPrefix(key, "INPUT_") { // Actions hands inputs on under such names
		words = words[1:]
	}
	if len(words) == 0 {
		return harmless
	}
	for _, w := range words {
		if publicWords[w] {
			return harmless
		}
	}
	last := words[len(words)-1]
	if c := headerKey(words); c != harmless {
		return c
	}
	if aboutWords[last] {
		if (last == "id" || last == "ids") && len(words) == 2 && (words[0] == "session" || words[0] == "sess") {
			return weak
		}
		return harmless
	}
	for len(words) > 1 && (isNumber(last) || tailWords[last]) {
		words = words[:len(words)-1]
		last = words[len(words)-1]
	}
	return judgeLast(words, last)
}

func judgeLast(words []string, last string) class {
	switch {
	case passWords[last] || ends(last, passEndings):
		return pass
	case phraseWords[last] || last == "words" && len(words) > 1 && phraseWords[words[len(words)-2]]:
		return phrase
	case strongWords[last] || ends(last, strongEndings):
		return strong
	case strings.HasSuffix(last, "key") && keyWords[strings.TrimSuffix(last, "key")] || strings.HasSuffix(last, "signature"):
		return strong
	case last == "key" || last == "keys" || last == "data" && len(words) > 1 && words[len(words)-2] == "key":
		return judgeKeyWords(words)
	case weakWords[last]:
		return weak
	}
	// A password or a secret named first: PASSWORD_PROD, SECRET_KEY_BASE, token_live.
	for i := len(words) - 2; i >= 0; i-- {
		switch w := words[i]; {
		case w == "password" || w == "passwd" || w == "passphrase" || w == "secret" || w == "apikey" || w == "token" && len(words) <= 3:
			return weak
		case w == "key" && i > 0 && keyWords[words[i-1]]:
			return weak
		}
	}
	return harmless
}

func judgeKeyWords(words []string) class {
	if len(words) == 1 {
		return harmless
	}
	for _, w := range words[:len(words)-1] {
		if keyWords[w] || strongWords[w] {
			return strong
		}
	}
	return weak
}

// headerKey knows the header names whose values have a form of their own.
func headerKey(words []string) class {
	switch words[len(words)-1] {
	case "authorization", "extraheader":
		return header
	case "cookie", "cookies":
		if len(words) == 1 || words[0] == "set" || words[0] == "http" {
			return cookies
		}
		return weak
	case "cookie2":
		return cookies
	}
	return harmless
}

func ends(w string, endings []string) bool {
	for _, e := range endings {
		if strings.HasSuffix(w, e) {
			return true
		}
	}
	return false
}

func isNumber(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// split cuts an identifier into lower-case words: clientSecretV2, CLIENT_SECRET and client-secret alike.
func split(id string, words []string) []string {
	low := strings.ToLower(id)
	if len(low) != len(id) { // not ASCII, so no identifier
		return words
	}
	start := 0
	flush := func(end int) {
		if end > start && len(words) < cap(words) {
			words = append(words, low[start:end])
		}
		start = end
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case !isWord(c):
			flush(i)
			start = i + 1
		case i > start && isUpper(c) && (isLower(id[i-1]) || isDigit(id[i-1]) && i+1 < len(id) && isLower(id[i+1]) || i+1 < len(id) && isLower(id[i+1]) && isUpper(id[i-1])):
			flush(i)
		}
	}
	flush(len(id))
	return words
}
