import type { Rule } from "./rule.ts";

/** All versions of Incus and LXD: how they talk to servers has not changed between those that are in use. */
const DAEMONS = ["incus 6.0", "incus 7", "lxd 5.0", "lxd 5.21", "lxd 6"] as const;

/** What must be true of a server, whatever is asked for, and of the way to it. */
export const transportServerRules = {
  "https-only": {
    level: "error",
    text: "The address of a tree begins with https://",
    symptom: "`remote add` refuses the address: only https URLs are supported for simplestreams",
    mend: "Serve the tree over TLS and give clients the https address",
    source:
      "cmd/incus/remote.go (Incus), lxc/remote.go (LXD): the scheme of a simplestreams remote is compared with https",
    readers: DAEMONS,
    example: { answer: "a tree that is served at http://images.example only" },
  },
  "server-unreachable": {
    level: "error",
    text: "A server answers in TLS at the host and port of the address",
    symptom:
      "Every command about the remote ends with a network error: no such host, connection refused, or a handshake that fails",
    mend: "Start the server, open its port, or correct the address; a proxy that is named must let clients through to it",
    source:
      "shared/simplestreams/simplestreams.go (Incus, LXD): the index is fetched over https before anything else, and a failure is the remote's failure",
    readers: [...DAEMONS, "lxc", "sstream"],
    example: { answer: "nothing listens on the port" },
  },
  "tls-version": {
    level: "error",
    text: "The server speaks TLS 1.3",
    symptom:
      "The remote fails with `tls: protocol version not supported`, while browsers show it without complaint",
    mend: "Switch TLS 1.3 on in the web server or in the proxy before it",
    source:
      "shared/tls/tls.go (Incus), shared/network.go (LXD): the configuration of every connection has TLS 1.3 as its minimum",
    readers: DAEMONS,
    example: { answer: "a server that offers TLS 1.2 at most" },
  },
  "certificate-name": {
    level: "error",
    text: "The certificate is for the host of the address; a self-signed one that clients pin needs a DNS name, or the address itself among its IP addresses",
    symptom:
      "The remote fails with `x509: certificate is valid for other.example, not images.example`, or `because it doesn't contain any IP SANs`",
    mend: "Issue the certificate with the host of the address as an alternative name; the common name does not count",
    source:
      "shared/tls/tls.go (Incus), shared/network.go (LXD): a pinned certificate's first DNS name replaces the host in the comparison; without one, and without pinning, Go compares the host",
    readers: [...DAEMONS, "lxc", "sstream"],
    example: { answer: "a certificate that names other.example only" },
  },
  "certificate-expired": {
    level: "error",
    text: "The certificate is valid today",
    symptom: "The remote fails with `x509: certificate has expired or is not yet valid`",
    mend: "Renew the certificate, and see that the server loads the new one; if it is new, set the server's clock",
    source:
      "crypto/x509 of Go, Verify, as shared/tls/tls.go (Incus) and shared/network.go (LXD) set it up: dates are checked for pinned certificates too",
    readers: [...DAEMONS, "lxc", "sstream"],
    example: { answer: "a certificate whose last day was yesterday" },
  },
  "certificate-untrusted": {
    level: "note",
    text: "The certificate comes from an authority that every system knows, or each client has it pinned",
    symptom:
      "A client that has not pinned it fails with `x509: certificate signed by unknown authority`; for simplestreams no client offers to accept it",
    mend: "Put the PEM at servercerts/<remote>.crt in the configuration folder of incus or lxc: the command line sends it on to the daemon",
    source:
      "shared/cliconfig/remote.go (Incus), lxc/config/remote.go (LXD): that file is read for simplestreams remotes and added to the system's authorities",
    readers: [...DAEMONS, "lxc", "sstream"],
    example: { answer: "a self-signed certificate" },
  },
  "plain-http-silent": {
    level: "warning",
    text: "Plain HTTP on the host and port of the address is answered, or refused at once",
    symptom: "Each file of a launch takes two minutes before its first byte comes",
    mend: "Let the firewall reject connections to that port instead of dropping them, or answer there with a redirect to https or with 404",
    source:
      "client/simplestreams_images.go and client/util.go (Incus, LXD): each file is asked for over http first, on a transport without a limit for the connection",
    readers: DAEMONS,
    example: { answer: "port 80 dropped by a firewall, or a port that takes connections and says nothing" },
  },
  "plain-http-other-content": {
    level: "error",
    text: "Plain HTTP answers a file's path with that file, with a redirect to it, or with a status that is not 200",
    symptom: "A launch downloads everything and fails: the fingerprint does not match",
    mend: "Answer unknown paths over http with 404, or redirect them to https",
    source:
      "shared/util/net.go, DownloadFileHash (Incus): the second try writes over the first without cutting the file, and what is longer stays behind it; the fingerprint is compared since 6.23, and in Incus 6.0.4 and LXD 5.0.2 as Debian has them, with the fix for CVE-2026-33542 (tried)",
    readers: ["incus 6.0", "incus 7", "lxd 5.0"],
    example: { answer: "200 with a landing page that is longer than the file" },
  },
  "plain-http-page": {
    level: "note",
    text: "Plain HTTP answers a file's path with nothing but the file when it answers 200",
    symptom: "Nothing a user sees: each file is downloaded once more, after something else came first",
    mend: "Answer unknown paths over http with 404, or redirect them to https",
    source:
      "client/simplestreams_images.go (Incus, LXD): what came over http is compared with the sha256, and https is tried when it differs",
    readers: DAEMONS,
    example: { answer: "200 with a short page for every path" },
  },
  "redirect-loop": {
    level: "error",
    text: "Redirects end at an answer",
    symptom: "The client hangs, and asks the server again as fast as it answers",
    mend: "Correct the redirects: often a proxy speaks http to a server that redirects http to https",
    source: "client/util.go (Incus, LXD): the clients' rule for redirects allows any number of them",
    readers: [...DAEMONS, "lxc", "sstream"],
    example: { answer: "302 to the address that was asked for" },
  },
  "redirect-refused": {
    level: "error",
    text: "A redirect leads to a server that clients accept: TLS 1.3, and a certificate for its name from an authority that the system knows",
    symptom:
      "`x509: certificate signed by unknown authority` or `tls: protocol version not supported`, with another host than that of the remote",
    mend: "Give the server that is redirected to a certificate that clients know, or answer from the server that was asked",
    source:
      "client/util.go (Incus, LXD): redirects to any host are followed, on connections that are checked as the first one is",
    readers: DAEMONS,
    example: { answer: "302 to a host whose certificate is self-signed" },
  },
  "redirect-credentials": {
    level: "error",
    text: "What asks for a password is not reached through a redirect to a full address",
    symptom: "The remote fails with 401 although user and password in its address are right",
    mend: "Redirect with a path instead of a full address, or redirect to an address that needs no password",
    source:
      "net/http of Go, send: user and password come from the URL that is asked for, and a full address in a redirect has none (client/util.go of Incus and LXD copies headers, and these are none of them)",
    readers: DAEMONS,
    example: { answer: "302 to https://images.example/other, which answers 401" },
  },
  "redirect-to-clear": {
    level: "warning",
    text: "A document that is asked for over https comes over https",
    symptom: "Nothing a user sees: whoever is on the way can say which images there are, hashes and all",
    mend: "Redirect to https addresses only",
    source:
      "client/util.go (Incus, LXD): redirects to any scheme are followed, and nothing but TLS protects the documents",
    readers: [...DAEMONS, "lxc", "sstream"],
    example: { answer: "301 from https to http" },
  },
  "credentials-in-clear": {
    level: "warning",
    text: "A password in the address cannot be read on the way",
    symptom: "Nothing a user sees: the password crosses the network unencrypted, once for each file",
    mend: "Let the port for plain HTTP refuse connections, use the password for nothing else, or protect the server by its network",
    source:
      "client/simplestreams_images.go (Incus, LXD): the first try for a file replaces https by http and leaves user and password in the address",
    readers: DAEMONS,
    example: { answer: "https://user:password@images.example, and something answers on port 80" },
  },
} as const satisfies Record<string, Rule>;
