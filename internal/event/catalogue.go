package event

// Entry describes a kind.
type Entry struct {
	Kind    Kind
	New     func() any // a pointer to a zero Data
	Emitter string     // the package that emits it
	Meaning string
}

// The kinds. Each has its Data type below.
const (
	SensorStart Kind = "sensor.start" // *Sensor
	SensorStop  Kind = "sensor.stop"  // *Sensor

	ConnOpen  Kind = "conn.open"  // *ConnOpened
	ConnTLS   Kind = "conn.tls"   // *TLSHello
	ConnBytes Kind = "conn.bytes" // *Bytes: what is no HTTP
	ConnClose Kind = "conn.close" // *ConnClosed

	HTTPRequest Kind = "http.request" // *Request: the head, before the handler sees it
	HTTPBody    Kind = "http.body"    // *Body: the body, when complete
	HTTPAnswer  Kind = "http.answer"  // *Answer: head of the answer, before its first byte leaves
	HTTPEnd     Kind = "http.end"     // *End: the answer's length, hash, duration
	StreamChunk Kind = "stream.chunk" // *Chunk: a piece of a hijacked stream, either way

	WorldOpen   Kind = "world.open"   // *WorldNote: a source entered a world (made, or another's)
	WorldAction Kind = "world.action" // *Action: a change in the world, named as Docker's events are
	WorldRefuse Kind = "world.refuse" // *Refusal: an operation the configuration made fail

	ProcStart   Kind = "proc.start"   // *ProcStarted
	ProcExit    Kind = "proc.exit"    // *ProcExited
	ProcUnknown Kind = "proc.unknown" // *Unknown: a program, option or construct that is not emulated, or a stand-in
	FileWrite   Kind = "file.write"   // *FileWritten: a file was written and closed
	CronFire    Kind = "cron.fire"    // *CronFired
	NetLookup   Kind = "net.lookup"   // *Lookup: the world resolved a name
	NetConnect  Kind = "net.connect"  // *Connected: the world dialled

	ArtifactKept Kind = "artifact.kept" // *Artifact
	GapRecord    Kind = "gap"           // *Gap: events that were lost
	Tombstone    Kind = "tombstone"     // *Purged
)

// Sensor tells of the sensor's start or stop.
type Sensor struct {
	Version   string   `json:"version,omitempty"`
	Listen    []string `json:"listen,omitempty"`
	Addresses []string `json:"addresses,omitempty"` // the sensor's own, for redaction
	Reason    string   `json:"reason,omitempty"`
}

// ConnOpened tells that a client connected.
type ConnOpened struct {
	TLS     bool   `json:"tls,omitempty"`
	Proxied string `json:"proxied,omitempty"` // the PROXY peer
	Capped  string `json:"capped,omitempty"`  // which cap a source ran into, if what follows is not kept whole
}

// TLSHello is what a ClientHello shows.
type TLSHello struct {
	JA3        string   `json:"ja3"`
	JA3String  string   `json:"ja3_string"`
	JA4        string   `json:"ja4"`
	ServerName string   `json:"server_name,omitempty"`
	ALPN       []string `json:"alpn,omitempty"`
}

// Bytes is what a client sent that is no HTTP. Data is cut at 4 KiB; Size is all.
type Bytes struct {
	Data   []byte `json:"data"`
	Size   int64  `json:"size"`
	Answer []byte `json:"answer,omitempty"`
}

// ConnClosed tells that a connection ended, and how.
type ConnClosed struct {
	In       int64  `json:"in"`
	Out      int64  `json:"out"`
	Duration int64  `json:"duration_us"`
	By       string `json:"by,omitempty"` // client, sensor, error
}

// Header is one header line in the order and case it came.
type Header [2]string

// Request is a request's head.
type Request struct {
	Method  string   `json:"method"`
	URL     string   `json:"url"` // the request target as sent
	Proto   string   `json:"proto"`
	Headers []Header `json:"headers"`
	Raw     []byte   `json:"raw,omitempty"` // the head's bytes, where it could not be parsed
}

// Body is a request's body. Up to Inline bytes stand in Data; larger ones are an
// artifact with this hash.
type Body struct {
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
	Data      []byte `json:"data,omitempty"`
	Artifact  bool   `json:"artifact,omitempty"`
	Truncated bool   `json:"truncated,omitempty"` // the client left before its end
}

// Inline is the size in bytes up to which a body stands in its event.
const Inline = 64 << 10

// Answer is the head of an answer and the start of its body.
type Answer struct {
	Status  int      `json:"status"`
	Reason  string   `json:"reason,omitempty"`
	Headers []Header `json:"headers,omitempty"`
	Start   []byte   `json:"start,omitempty"` // the body's first bytes that leave with the head, at most 1 KiB
}

// End closes an answer.
type End struct {
	Status   int    `json:"status"`
	Size     int64  `json:"size"` // bytes after the head
	SHA256   string `json:"sha256"`
	Duration int64  `json:"duration_us"` // from the head's last byte in to the answer's last byte out
	Aborted  bool   `json:"aborted,omitempty"`
}

// Chunk is a piece of a hijacked stream.
type Chunk struct {
	Dir  string `json:"dir"` // "i" from the client, "o" to it
	At   int64  `json:"at_us"`
	Data []byte `json:"data"`
}

// WorldNote tells how a source came into a world.
type WorldNote struct {
	How     string `json:"how"`             // made, entered, returned
	By      string `json:"by,omitempty"`    // the id, name or token that led there
	OtherOf string `json:"owner,omitempty"` // the source the world was made for
}

// Action is a change in the world, in the words of Docker's events.
type Action struct {
	Type       string            `json:"type"`   // container, image, network, volume, daemon, exec...
	Action     string            `json:"action"` // create, start, die, pull, ...
	ID         string            `json:"id"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Refusal is an operation that was made to fail.
type Refusal struct {
	Operation string `json:"operation"` // create, start, exec, import, pull, build, archive
	Rule      string `json:"rule"`
	Words     string `json:"words"` // what the client was told
}

// ProcStarted is a process that began in the world.
type ProcStarted struct {
	PID       int      `json:"pid"` // in the host's pid namespace
	PPID      int      `json:"ppid"`
	Container string   `json:"container,omitempty"` // empty on the host
	Argv      []string `json:"argv"`
	Code      string   `json:"code,omitempty"` // the script's text, for -c and script files
	Exe       string   `json:"exe,omitempty"`
	Cwd       string   `json:"cwd,omitempty"`
	UID       uint32   `json:"uid"`
	Origin    string   `json:"origin,omitempty"` // init, exec, fork, cron, host
}

// ProcExited is its end.
type ProcExited struct {
	PID       int    `json:"pid"`
	Container string `json:"container,omitempty"`
	Exit      int    `json:"exit"` // status, 128+n for a signal
	Signal    int    `json:"signal,omitempty"`
}

// Unknown is what the emulation could not do, or did by a stand-in.
type Unknown struct {
	PID       int    `json:"pid,omitempty"`
	Container string `json:"container,omitempty"`
	What      string `json:"what"` // program, option, construct, stand-in
	Name      string `json:"name"`
	Detail    string `json:"detail,omitempty"`
}

// FileWritten is a file that was changed by a process or an upload.
type FileWritten struct {
	PID       int    `json:"pid,omitempty"`
	Container string `json:"container,omitempty"` // empty: on the host's own tree
	Path      string `json:"path"`                // as the process named it, absolute in its root
	Host      string `json:"host,omitempty"`      // the same file's path on the host's tree, if it lies there
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256,omitempty"`
	Data      []byte `json:"data,omitempty"` // the content, up to Inline
}

// CronFired is a cron line that ran.
type CronFired struct {
	File string `json:"file"`
	Line string `json:"line"`
	User string `json:"user"`
	PID  int    `json:"pid,omitempty"`
}

// Lookup is a name the world asked for.
type Lookup struct {
	Container string   `json:"container,omitempty"`
	Name      string   `json:"name"`
	Type      string   `json:"type,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
}

// Connected is a connection that the world opened to a made-up peer.
type Connected struct {
	PID       int    `json:"pid,omitempty"`
	Container string `json:"container,omitempty"`
	Network   string `json:"network"` // tcp, udp
	Address   string `json:"address"`
	Port      uint16 `json:"port"`
	Name      string `json:"name,omitempty"` // the name it was asked by
	URL       string `json:"url,omitempty"`  // what was asked for, where the protocol has such
	Sent      []byte `json:"sent,omitempty"` // the first 4 KiB
}

// Artifact is a body or file that was kept by its hash.
type Artifact struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Type   string `json:"type,omitempty"`
	Name   string `json:"name,omitempty"`
	Origin string `json:"origin,omitempty"` // body, file, download, layer
}

// Gap says how many events were lost between two moments, and why.
type Gap struct {
	Lost   uint64 `json:"lost"`
	From   int64  `json:"from_us,omitempty"`
	To     int64  `json:"to_us,omitempty"`
	Reason string `json:"reason"`
}

// Purged is what remains of something that was deleted for good.
type Purged struct {
	Source  string `json:"source,omitempty"`
	Session string `json:"session,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
	Events  int    `json:"events"`
}

func ptr[T any]() any { return new(T) }

// Catalogue lists every kind.
var Catalogue = []Entry{
	{SensorStart, ptr[Sensor], "sensor", "the sensor began to listen"},
	{SensorStop, ptr[Sensor], "sensor", "the sensor stopped in order"},
	{ConnOpen, ptr[ConnOpened], "record", "a client connected"},
	{ConnTLS, ptr[TLSHello], "listen", "a TLS client said hello"},
	{ConnBytes, ptr[Bytes], "record", "a client sent what is no HTTP"},
	{ConnClose, ptr[ConnClosed], "record", "a connection ended"},
	{HTTPRequest, ptr[Request], "record", "the head of a request, before any handler saw it"},
	{HTTPBody, ptr[Body], "record", "the body of a request"},
	{HTTPAnswer, ptr[Answer], "record", "the head of the answer, before its first byte left"},
	{HTTPEnd, ptr[End], "record", "the answer was sent"},
	{StreamChunk, ptr[Chunk], "record", "a piece of a hijacked stream"},
	{WorldOpen, ptr[WorldNote], "world", "a source entered a world"},
	{WorldAction, ptr[Action], "world", "something changed in a world"},
	{WorldRefuse, ptr[Refusal], "world", "an operation was refused by configuration"},
	{ProcStart, ptr[ProcStarted], "world", "a process started"},
	{ProcExit, ptr[ProcExited], "world", "a process ended"},
	{ProcUnknown, ptr[Unknown], "world", "something was asked for that is not emulated"},
	{FileWrite, ptr[FileWritten], "world", "a file was written"},
	{CronFire, ptr[CronFired], "world", "a cron line fired"},
	{NetLookup, ptr[Lookup], "world", "a name was asked for"},
	{NetConnect, ptr[Connected], "world", "the world dialled"},
	{ArtifactKept, ptr[Artifact], "record", "bytes were kept as an artifact"},
	{GapRecord, ptr[Gap], "journal", "events were lost"},
	{Tombstone, ptr[Purged], "store", "something was deleted for good"},
}

var byKind = func() map[Kind]Entry {
	m := make(map[Kind]Entry, len(Catalogue))
	for _, e := range Catalogue {
		m[e.Kind] = e
	}
	return m
}()

// LookupKind finds a kind's entry.
func LookupKind(k Kind) (Entry, bool) {
	e, ok := byKind[k]
	return e, ok
}
