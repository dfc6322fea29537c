package redact

import "strings"

// formats are the token formats that begin with something of their own. What is listed is public documentation of
// the services; what is not is found by its context.
var formats = []format{
	{"ghp_", "github-token", dotted, 16, false}, {"gho_", "github-token", dotted, 16, false}, {"ghu_", "github-token", dotted, 16, false},
	{"ghs_", "github-token", dotted, 16, false}, {"ghr_", "github-token", dotted, 16, false}, {"github_pat_", "github-token", name, 16, false},
	{"v1.", "github-token", hexes, 40, false},

	{"glpat-", "gitlab-token", dotted, 16, false}, {"gldt-", "gitlab-token", dotted, 16, false}, {"glrt-", "gitlab-token", dotted, 16, false},
	{"glrtr-", "gitlab-token", dotted, 16, false}, {"glcbt-", "gitlab-token", dotted, 16, false}, {"glptt-", "gitlab-token", dotted, 16, false},
	{"glft-", "gitlab-token", dotted, 16, false}, {"glimt-", "gitlab-token", dotted, 16, false}, {"glagent-", "gitlab-token", dotted, 16, false},
	{"glsoat-", "gitlab-token", dotted, 16, false}, {"glffct-", "gitlab-token", dotted, 16, false}, {"gloas-", "gitlab-token", dotted, 16, false},
	{"glwt-", "gitlab-token", dotted, 16, false}, {"GR1348941", "gitlab-token", name, 16, false}, {"GIT_", "gitlab-token", name, 40, true},

	{"xoxb-", "slack-token", name, 16, false}, {"xoxp-", "slack-token", name, 16, false}, {"xoxa-", "slack-token", name, 16, false},
	{"xoxr-", "slack-token", name, 16, false}, {"xoxs-", "slack-token", name, 16, false}, {"xoxo-", "slack-token", name, 16, false},
	{"xoxc-", "slack-token", name, 16, false}, {"xoxd-", "slack-token", urlToken, 16, false},
	{"xoxe-", "slack-token", name, 16, false}, {"xoxe.", "slack-token", dotted, 16, false}, {"xapp-", "slack-token", name, 16, false}, {"xwfp-", "slack-token", name, 16, false},

	{"sk_live_", "stripe-key", word, 10, false}, {"sk_test_", "stripe-key", word, 10, false}, {"rk_live_", "stripe-key", word, 10, false},
	{"rk_test_", "stripe-key", word, 10, false}, {"whsec_", "webhook-secret", anyB64, 16, false}, {"sk_prod_", "stripe-key", word, 10, false},
	{"sk_org_", "stripe-key", name, 16, false}, {"svix_", "webhook-secret", name, 20, true}, {"testsk_", "svix-key", dotted, 16, false},

	{"AKIA", "aws-key", upperDigits, 16, false}, {"ASIA", "aws-key", upperDigits, 16, false}, {"ABIA", "aws-key", upperDigits, 16, true},
	{"ACCA", "aws-key", upperDigits, 16, true}, {"A3T", "aws-key", upperDigits, 17, true}, {"FwoGZXIvYXdzE", "aws-session-token", base64s, 40, false},
	{"IQoJb3JpZ2lu", "aws-session-token", base64s, 40, false}, {"FQoGZXIvYXdzE", "aws-session-token", base64s, 40, false}, {"ABSK", "aws-bedrock-key", base64s, 60, true},
	{"bedrock-api-key-", "aws-bedrock-key", anyB64, 20, false}, {"da2-", "aws-appsync-key", word, 24, true}, {"amzn.mws.", "aws-mws-key", name, 30, false},
	{"amzn1.oa2-cs.v1.", "amazon-oauth-secret", hexes, 40, false}, {"Atza|", "amazon-oauth-token", anyB64, 30, false}, {"Atzr|", "amazon-oauth-token", anyB64, 30, false},

	{"AIza", "google-api-key", name, 24, true}, {"AQ.Ab", "google-api-key", name, 30, true}, {"ya29.", "google-oauth-token", dotted, 20, false}, {"GOCSPX-", "google-client-secret", name, 16, false},
	{"1//0", "google-refresh-token", name, 30, true}, {"4/0A", "google-oauth-code", name, 30, true}, {"ya29.c.", "google-oauth-token", dotted, 20, false},

	{"sk-", "llm-key", name, 20, true}, {"sk-proj-", "llm-key", name, 16, false}, {"sk-svcacct-", "llm-key", name, 16, false}, {"sk-admin-", "llm-key", name, 16, false},
	{"sk-ant-", "llm-key", name, 16, false}, {"sk-or-", "llm-key", name, 16, false}, {"sk-lf-", "llm-key", name, 16, false}, {"sess-", "openai-session", word, 32, true},
	{"gsk_", "llm-key", word, 20, true}, {"hf_", "llm-key", word, 24, true}, {"api_org_", "llm-key", word, 24, true}, {"r8_", "llm-key", name, 24, true},
	{"pplx-", "llm-key", word, 24, true}, {"xai-", "llm-key", name, 24, true}, {"tgp_v1_", "llm-key", name, 20, false}, {"fw_", "llm-key", word, 20, true},
	{"csk-", "llm-key", word, 24, true}, {"lsv2_pt_", "llm-key", name, 20, false}, {"lsv2_sk_", "llm-key", name, 20, false}, {"ls__", "llm-key", word, 24, true},
	{"tvly-", "llm-key", name, 20, true}, {"fc-", "llm-key", hexes, 32, true}, {"e2b_", "llm-key", word, 32, true}, {"pcsk_", "llm-key", name, 30, true},
	{"nvapi-", "llm-key", name, 30, true}, {"pa-", "llm-key", name, 40, true}, {"al-", "llm-key", name, 40, true}, {"jina_", "llm-key", name, 30, true}, {"wandb_v1_", "llm-key", name, 20, true},
	{"rpa_", "llm-key", word, 32, true}, {"key_live_", "api-key", word, 16, true}, {"co_", "llm-key", word, 36, true}, {"sk_", "api-key", word, 32, true}, {"fal-", "llm-key", name, 32, true},
	{"vapi_", "api-key", name, 24, true}, {"lin_api_", "linear-key", word, 20, false}, {"lin_oauth_", "linear-key", word, 20, false}, {"lin_wh_", "linear-key", word, 20, false},

	{"npm_", "npm-token", word, 20, true}, {"npms_", "npm-token", word, 20, true}, {"pypi-", "pypi-token", name, 40, false}, {"rubygems_", "rubygems-key", hexes, 24, false},
	{"cio", "crates-token", word, 32, true}, {"crates_", "crates-token", word, 24, true}, {"dckr_pat_", "docker-token", name, 16, false}, {"dckr_oat_", "docker-token", name, 16, false}, {"oy2", "nuget-key", word, 43, true},
	{"CLOJARS_", "clojars-token", hexes, 40, false}, {"AKCp", "jfrog-key", word, 60, true}, {"cmVmdGtu", "jfrog-token", word, 40, false}, {"packagist_", "packagist-token", name, 30, true},
	{"jsrp_", "jsr-token", name, 20, true}, {"jsrt_", "jsr-token", name, 20, true}, {"cargo_", "crates-token", name, 30, true},
	{"sqp_", "sonar-token", hexes, 32, false}, {"squ_", "sonar-token", hexes, 32, false}, {"sqa_", "sonar-token", hexes, 32, false}, {"snyk_", "snyk-token", dotted, 20, true},
	{"CCIPAT_", "circleci-token", name, 20, false}, {"CCIPRJ_", "circleci-token", name, 20, false}, {"bkua_", "buildkite-token", word, 24, false}, {"bkaj_", "buildkite-token", word, 24, false}, {"bkct_", "buildkite-token", dotted, 20, false},
	{"hvs.", "vault-token", name, 20, false}, {"hvb.", "vault-token", name, 20, false}, {"hvr.", "vault-token", name, 20, false}, {"s.", "vault-token", word, 24, true},
	{"dapi", "databricks-token", hexes, 32, false}, {"dkea", "databricks-token", hexes, 32, false}, {"dose", "databricks-token", hexes, 32, false}, {"dsapi", "databricks-token", hexes, 32, false}, {"doau", "databricks-token", hexes, 32, false},
	{"dop_v1_", "digitalocean-token", hexes, 20, false}, {"doo_v1_", "digitalocean-token", hexes, 20, false}, {"dor_v1_", "digitalocean-token", hexes, 20, false}, {"dot_v1_", "digitalocean-token", hexes, 20, false}, {"dp_v1_", "digitalocean-token", hexes, 20, false},
	{"v1.0-", "cloudflare-origin-key", name, 60, true}, {"cfut_", "cloudflare-token", name, 24, true}, {"cfat_", "cloudflare-token", name, 24, true}, {"cfk_", "cloudflare-token", name, 24, true},
	{"fm2_", "fly-token", anyB64, 30, true}, {"fm1r_", "fly-token", anyB64, 30, true}, {"fm1a_", "fly-token", anyB64, 30, true}, {"fo1_", "fly-token", name, 30, true},
	{"nfp_", "netlify-token", name, 24, true}, {"nfc_", "netlify-token", name, 24, true}, {"nfo_", "netlify-token", name, 24, true}, {"nfb_", "netlify-token", name, 24, true}, {"nfu_", "netlify-token", name, 24, true},
	{"vcp_", "vercel-token", word, 20, true}, {"vci_", "vercel-token", word, 20, true}, {"vca_", "vercel-token", word, 20, true}, {"vcr_", "vercel-token", word, 20, true}, {"vck_", "vercel-token", word, 20, true},
	{"vercel_blob_rw_", "vercel-token", name, 20, true}, {"ddp_", "deno-token", word, 24, true}, {"ddo_", "deno-token", word, 24, true}, {"ddw_", "deno-token", word, 24, true},
	{"sbp_", "supabase-token", word, 32, true}, {"sb_secret_", "supabase-key", name, 16, false}, {"pscale_", "planetscale-token", dotted, 24, true},
	{"napi_", "neon-key", name, 24, true}, {"npg_", "neon-password", word, 10, true}, {"mdb_sa_sk_", "mongodb-atlas-key", name, 20, false}, {"CCDB1_", "cockroach-key", name, 20, false}, {"rnd_", "render-key", word, 24, true},
	{"HRKU-", "heroku-key", name, 24, false}, {"shpat_", "shopify-token", word, 24, false}, {"shpca_", "shopify-token", word, 24, false}, {"shppa_", "shopify-token", word, 24, false},
	{"shpss_", "shopify-token", word, 24, false}, {"shptka_", "shopify-token", word, 24, false}, {"shpua_", "shopify-token", word, 24, false},
	{"sq0atp-", "square-token", name, 16, false}, {"sq0csp-", "square-token", name, 24, false}, {"EAAA", "square-token", name, 56, true}, {"EAA", "facebook-token", word, 60, true}, {"IGQ", "instagram-token", name, 60, true},
	{"access_token$", "paypal-token", letters(alnum + "$_-"), 30, false}, {"access-sandbox-", "plaid-token", name, 30, false}, {"access-production-", "plaid-token", name, 30, false}, {"access-development-", "plaid-token", name, 30, false},
	{"live_", "api-key", word, 28, true}, {"test_", "api-key", word, 28, true}, {"prod_sk_", "api-key", name, 20, true},
	{"secret_", "notion-token", word, 32, true}, {"ntn_", "notion-token", word, 32, true}, {"figd_", "figma-token", name, 24, true}, {"figo_", "figma-token", name, 24, true}, {"figu_", "figma-token", name, 24, true}, {"figr_", "figma-token", name, 24, true},
	{"PMAK-", "postman-key", name, 24, false}, {"PMAT-", "postman-key", name, 24, false}, {"NRAK-", "newrelic-key", word, 20, false}, {"NRJS-", "newrelic-key", word, 15, true}, {"NRII-", "newrelic-key", name, 20, false},
	{"NRRA-", "newrelic-key", word, 20, false}, {"NRAA-", "newrelic-key", word, 20, false}, {"NRBR-", "newrelic-key", word, 15, true}, {"ddapp_", "datadog-key", word, 24, true}, {"ddapi_", "datadog-key", word, 24, true},
	{"sntrys_", "sentry-token", anyB64, 24, false}, {"sntryu_", "sentry-token", hexes, 24, false}, {"sntrya_", "sentry-token", name, 24, false}, {"sntryi_", "sentry-token", name, 24, false},
	{"glsa_", "grafana-token", name, 24, false}, {"glc_", "grafana-token", anyB64, 24, false}, {"eyJrIjoi", "grafana-key", anyB64, 24, false},
	{"ATATT3", "atlassian-token", anyB64, 24, false}, {"ATCTT3", "atlassian-token", anyB64, 24, false}, {"ATBB", "bitbucket-token", anyB64, 28, true}, {"BBDC-", "bitbucket-token", anyB64, 28, true}, {"ATOA", "atlassian-token", anyB64, 40, true},
	{"dp.pt.", "doppler-token", word, 24, false}, {"dp.st.", "doppler-token", dotted, 24, false}, {"dp.ct.", "doppler-token", word, 24, false}, {"dp.sa.", "doppler-token", word, 24, false}, {"dp.scim.", "doppler-token", word, 24, false}, {"dp.audit.", "doppler-token", word, 24, false}, {"dp.said.", "doppler-token", word, 24, false},
	{"st.", "infisical-token", dotted, 48, true}, {"ops_eyJ", "onepassword-token", anyB64, 30, false}, {"A3-", "onepassword-key", letters(upper + digits + "-"), 30, true},
	{"AGE-SECRET-KEY-1", "age-key", upperDigits, 20, false}, {"AGE-SECRET-KEY-PQ-1", "age-key", upperDigits, 20, false}, {"AGE-PLUGIN-", "age-key", letters(upper + digits + "-"), 30, true},
	{"duffel_", "duffel-token", name, 30, true}, {"dt0c01.", "dynatrace-token", dotted, 24, false}, {"dt0s01.", "dynatrace-token", dotted, 24, false}, {"dt0s16.", "dynatrace-token", dotted, 24, false}, {"CFPAT-", "contentful-token", name, 24, false},
	{"fio-u-", "frameio-token", name, 24, false}, {"sk.eyJ", "mapbox-token", dotted, 24, false}, {"tk.eyJ", "mapbox-token", dotted, 24, false}, {"pat-na", "hubspot-token", name, 24, false}, {"pat-eu", "hubspot-token", name, 24, false}, {"pnu_", "prefect-key", word, 24, true}, {"pnb_", "prefect-key", word, 24, true},
	{"rdme_", "readme-key", word, 32, false}, {"pul-", "pulumi-token", hexes, 32, false}, {"sgp_", "sourcegraph-token", name, 32, true}, {"slk_", "sourcegraph-token", name, 32, true}, {"tfp_", "typeform-token", name, 32, true},
	{"t1.9eu", "yandex-token", anyB64dot, 30, true}, {"AQVN", "yandex-key", name, 32, true}, {"y0_", "yandex-token", name, 40, true}, {"YC", "yandex-key", name, 38, true}, {"LTAI", "alibaba-key", word, 16, true}, {"AKID", "tencent-key", word, 28, true},
	{"AAAAAAAAAAAAAAAAAAAAA", "twitter-token", letters(alnum + "%"), 40, true}, {"sl.", "dropbox-token", name, 60, true}, {"sl.u.", "dropbox-token", name, 30, true}, {"oauth:", "twitch-token", word, 28, true}, {"phx_", "posthog-key", word, 24, true}, {"phs_", "posthog-key", word, 24, true},
	{"pdl_", "paddle-key", name, 28, true}, {"polar_", "polar-token", name, 28, true}, {"tr_dev_", "trigger-key", word, 16, true}, {"tr_prod_", "trigger-key", word, 16, true}, {"tr_pat_", "trigger-key", word, 16, true}, {"signkey-", "inngest-key", name, 24, true},
	{"csb_v1_", "codesandbox-token", name, 24, true}, {"gitpod_pat_", "gitpod-token", dotted, 20, true}, {"ggtt-", "gitguardian-token", name, 24, true}, {"xaat-", "axiom-token", name, 30, true}, {"xapt-", "axiom-token", name, 30, true},
	{"hcaik_", "honeycomb-key", word, 24, true}, {"hcxik_", "honeycomb-key", word, 24, true}, {"hcamk_", "honeycomb-key", word, 24, true}, {"hcxlk_", "honeycomb-key", word, 24, true}, {"hcalk_", "honeycomb-key", word, 24, true}, {"ory_", "ory-token", dotted, 24, true},
	{"tskey-", "tailscale-key", name, 16, false}, {"akab-", "akamai-token", name, 30, true}, {"waka_", "wakatime-key", name, 30, false}, {"xkeysib-", "brevo-key", name, 32, false}, {"xsmtpsib-", "brevo-key", name, 32, false}, {"mlsn.", "mailersend-key", word, 30, false},
	{"re_", "resend-key", name, 24, true}, {"SG.", "sendgrid-key", dotted, 20, true}, {"key-", "mailgun-key", hexes, 32, true}, {"SK", "twilio-key", hexes, 32, false}, {"pubkey-", "mailgun-key", hexes, 32, true}, {"pst-", "postmark-key", name, 30, true},
	{"nsec1", "nostr-key", word, 40, true}, {"xprv", "wallet-key", word, 80, true}, {"yprv", "wallet-key", word, 80, true}, {"zprv", "wallet-key", word, 80, true}, {"tprv", "wallet-key", word, 80, true}, {"suiprivkey1", "wallet-key", word, 30, true}, {"ed25519:", "wallet-key", word, 80, true},
	{"eyJhbGciOi", "jwt", jwtChars, 20, false}, {"eyJ0eXAiOi", "jwt", jwtChars, 20, false}, {"eyJraWQiOi", "jwt", jwtChars, 20, false}, {"eyJlbmMiOi", "jwt", jwtChars, 20, false}, {"eyJ4NXQiOi", "jwt", jwtChars, 20, false},
	{"eyJjdHkiOi", "jwt", jwtChars, 20, false}, {"eyJ6aXAiOi", "jwt", jwtChars, 20, false}, {"eyJqa3UiOi", "jwt", jwtChars, 20, false}, {"ewogICJhbGciOi", "jwt", jwtChars, 20, false}, {"ewogICJ0eXAiOi", "jwt", jwtChars, 20, false},
	{"v1.local.", "paseto", dotted, 20, false}, {"v2.local.", "paseto", dotted, 20, false}, {"v3.local.", "paseto", dotted, 20, false}, {"v4.local.", "paseto", dotted, 20, false}, {"v1.public.", "paseto", dotted, 20, false}, {"v2.public.", "paseto", dotted, 20, false},
	{"v3.public.", "paseto", dotted, 20, false}, {"v4.public.", "paseto", dotted, 20, false}, {"MDAxY2xvY2F0aW9u", "macaroon", anyB64, 30, false}, {"mfa.", "discord-token", name, 60, true},
	{"secret-live-", "stytch-key", name, 30, false}, {"secret-test-", "stytch-key", name, 30, false}, {"sdk-", "launchdarkly-key", name, 36, true}, {"api-", "launchdarkly-key", name, 36, true}, {"pat_", "api-token", name, 24, true}, {"pat", "airtable-token", dotted, 70, true}, {"pat.", "harness-token", dotted, 40, true}, {"sat.", "harness-token", dotted, 40, true},
	{"K10", "k3s-token", letters(alnum + ":_-"), 60, true}, {"SWMTKN-1-", "swarm-token", name, 40, false}, {"SWMKEY-1-", "swarm-token", letters(alnum + "_-+/"), 30, false}, {"token-", "rancher-token", letters(alnum + ":"), 40, true}, {"kubeconfig-", "rancher-token", letters(alnum + ":-"), 40, true},
	{pkcs, "private-key", base64s, 40, false}, {"b3BlbnNzaC1rZXktdjE", "private-key", base64s, 30, false}, {"MC4CAQAwBQYDK2Vw", "private-key", base64s, 20, false}, {"MC4CAQAwBQYDK2Vu", "private-key", base64s, 20, false}, {"MHcCAQEEI", "private-key", base64s, 30, false}, {"MIGHAgEAMBMG", "private-key", base64s, 30, false}, {"MIGkAgEBBD", "private-key", base64s, 30, false}, {"MIHcAgEBBE", "private-key", base64s, 30, false}, {"MIG2AgEAMBAG", "private-key", base64s, 30, false},
}

var (
	upperDigits = letters(upper + digits)
	anyB64dot   = letters(alnum + "+/=_-.")
	jwtChars    = letters(alnum + "_-.=")
)

// infixes are the token formats that give themselves away further in.
var infixes = []infix{
	{".atlasv1.", "terraform-token", dotted, 60, 200, nil},
	{"Q~", "azure-client-secret", letters(alnum + "_-.~"), 34, 44, func(v string, at int) bool { return at >= 3 && at <= 5 && isDigit(v[at-1]) }},
	{"AZDO", "azure-devops-token", word, 84, 84, func(_ string, at int) bool { return at == 76 }},
	{"+ASt", "azure-storage-key", base64s, 80, 96, nil}, {"+ARm", "azure-key", base64s, 40, 96, nil}, {"+ASb", "azure-key", base64s, 40, 96, nil}, {"+AEh", "azure-key", base64s, 40, 96, nil}, {"+AIoT", "azure-key", base64s, 40, 96, nil}, {"+ACR", "azure-key", base64s, 40, 96, nil},
	{"AzSe", "azure-key", word, 50, 56, nil}, {"AzFu", "azure-key", anyB64, 50, 60, nil}, {"AzCa", "azure-key", anyB64, 40, 60, nil}, {"ACDb", "azure-key", base64s, 80, 96, nil}, {"JQQJ", "azure-key", word, 80, 88, nil},
	{"T3BlbkFJ", "llm-key", name, 40, 220, nil},
	{":AA", "telegram-token", letters(alnum + "_-:"), 30, 64, func(v string, at int) bool {
		id := strings.TrimPrefix(v[:at], "bot")
		return len(id) >= 5 && len(id) <= 12 && isNumber(id) && random(v[at+1:])
	}},
	{":APA91b", "firebase-token", letters(alnum + "_-:"), 100, 260, nil},
	{"-us", "mailchimp-key", letters(alnum + "-"), 34, 38, func(v string, at int) bool { return at == 32 && hexes.all(v[:32]) && isNumber(v[35:]) }},
	{"NRAL", "newrelic-key", word, 40, 40, func(_ string, at int) bool { return at == 36 }},
}
