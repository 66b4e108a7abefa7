import Groundwork

/// How a remedy names a file: by itself, and unpacked where it is packed.
struct SignaturePlace {
  /// nil is stdin.
  var file: String?
  /// Commands that unpack it, the outermost first.
  var unpackers: [String] = []

  /// A pipeline in which `command` filters what the file holds, and is given the file's name unless it `readsStdin` alone.
  func filtered(by command: String, readsStdin: Bool = false) -> String {
    var commands = unpackers + [command]
    if let file { commands[0] += (readsStdin && unpackers.isEmpty ? " < " : " ") + shellWord(file) }
    return commands.joined(separator: " | ")
  }

  /// A command that wants the name of a file, and wants it unpacked. Where the name stands in quotes, it must need none.
  func named(inQuotes: Bool, _ command: (String) -> String) -> String {
    func word(_ name: String) -> String { inQuotes && shellWord(name) != name ? "FILE" : shellWord(name) }
    guard let last = unpackers.last else { return command(file.map(word) ?? "FILE") }
    return SignaturePlace(file: file, unpackers: unpackers.dropLast()).filtered(by: last) + " > UNPACKED; " + command("UNPACKED")
  }
}

/// A word as a shell takes it, in quotes where it needs them.
func shellWord(_ text: String) -> String {
  let plain = text.utf8.allSatisfy { byte in
    (byte >= 48 && byte <= 57) || (byte | 0x20 >= 97 && byte | 0x20 <= 122) || "._-/+=@%,:".utf8.contains(byte) || byte >= 128
  }
  if plain, !text.isEmpty { return text }
  return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}

/// The first bytes of files that are not text: what they tell, and what can be done about it.
///
/// Everything that tells such a file stands in the tables here.
struct FileSignature: Sendable {
  enum Meaning: Sendable {
    case gzip, zstd
    /// What the file is, and the remedy.
    case refused(String, Remedy)
  }

  enum Remedy: Sendable {
    /// A program to put before the tool.
    case filter(String)
    /// A command that wants the name of the file, which stands in quotes where it is `quoted`.
    case command(@Sendable (String) -> String)
    case quoted(@Sendable (String) -> String)
    case words(String)
  }

  private enum Element: Sendable {
    case byte(UInt8)
    /// Whatever stands there.
    case any
    /// No byte that text has, so that a name which begins like a signature is still one.
    case binary

    func matches(_ byte: UInt8) -> Bool {
      switch self {
      case .byte(let own): byte == own
      case .any: true
      case .binary: (byte < 32 && byte != 9 && byte != 10 && byte != 13) || byte > 126
      }
    }
  }

  let meaning: Meaning
  private let pattern: [Element]

  private init(_ text: String, _ meaning: Meaning, hex: [UInt8] = [], skip: Int = 0, then rest: String = "", binary: Bool = false) {
    self.meaning = meaning
    pattern =
      text.utf8.map { .byte($0) } + hex.map { .byte($0) } + [Element](repeating: .any, count: skip) + rest.utf8.map { .byte($0) }
      + (binary ? [.binary] : [])
  }

  private static let duckDB = Remedy.quoted { "duckdb -c \"copy (from read_parquet('\($0)')) to '/dev/stdout' (header)\"" }
  private static func arrow(_ module: String, _ read: @escaping @Sendable (String) -> String) -> Remedy {
    .quoted { "python3 -c \"import sys, pyarrow.csv, pyarrow.\(module) as f; pyarrow.csv.write_csv(f.\(read($0)), sys.stdout.buffer)\"" }
  }
  private static let feather = arrow("feather") { "read_table('\($0)')" }
  private static let arrowStream = arrow("ipc") { "open_stream('\($0)').read_all()" }
  private static let workbook = Remedy.command { "xlsx2csv \($0)" }
  private static let save = Remedy.words("save it as CSV in the program that wrote it")
  private static func iconv(_ name: String) -> Meaning { .refused("the text is \(name)", .words("convert it with iconv -f \(name) -t UTF-8")) }

  private static let zipStart: [UInt8] = [0x50, 0x4B, 3, 4]

  /// The first that matches counts.
  private static let all: [FileSignature] =
    [
      FileSignature("", .gzip, hex: [0x1F, 0x8B]),
      FileSignature("", .zstd, hex: [0x28, 0xB5, 0x2F, 0xFD]),
    ]
    // Frames of zstd that hold no data may come first.
    + (0x50...0x5F).map { FileSignature("", .zstd, hex: [$0, 0x2A, 0x4D, 0x18]) }
    + [
      FileSignature("", .refused("xz data", .filter("xz -dc")), hex: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
      FileSignature("BZh", .refused("bzip2 data", .filter("bzip2 -dc")), skip: 1, then: "1AY&SY"),
      FileSignature("BZh", .refused("bzip2 data", .filter("bzip2 -dc")), skip: 1, then: "\u{17}rE8P"),
      FileSignature("", .refused("lz4 data", .filter("lz4 -dc")), hex: [0x04, 0x22, 0x4D, 0x18]),
      FileSignature("LZIP", .refused("lzip data", .filter("lzip -dc")), binary: true),
      FileSignature("", .refused("compress data", .filter("gzip -dc")), hex: [0x1F, 0x9D]),
      FileSignature("7z", .refused("a 7z archive", .command { "7z x -so \($0)" }), hex: [0xBC, 0xAF, 0x27, 0x1C]),
      FileSignature("", .refused("an Excel workbook", workbook), hex: zipStart, skip: 26, then: "[Content_Types].xml"),
      FileSignature("", .refused("an Excel workbook", workbook), hex: zipStart, skip: 26, then: "_rels/.rels"),
      FileSignature("", .refused("an Excel workbook", workbook), hex: zipStart, skip: 26, then: "docProps/"),
      FileSignature("", .refused("an Excel workbook", workbook), hex: zipStart, skip: 26, then: "xl/"),
      FileSignature(
        "", .refused("an OpenDocument file", .command { "soffice --headless --convert-to csv \($0)" }), hex: zipStart, skip: 26,
        then: "mimetypeapplication/vnd.oasis"),
      FileSignature("", .refused("a zip archive", .command { "unzip -p \($0)" }), hex: zipStart),
      FileSignature("", .refused("an empty zip archive", .words("there is no table in it")), hex: [0x50, 0x4B, 5, 6]),
      FileSignature(
        "", .refused("an Excel workbook of the old format", .command { "soffice --headless --convert-to csv \($0)" }),
        hex: [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]),
      FileSignature("PAR1", .refused("a Parquet file", duckDB), binary: true),
      FileSignature("PARE", .refused("an encrypted Parquet file", save), binary: true),
      FileSignature("ARROW1", .refused("an Arrow file", feather), binary: true),
      FileSignature("FEA1", .refused("a Feather file", feather), binary: true),
      FileSignature("", .refused("an Arrow stream", arrowStream), hex: [0xFF, 0xFF, 0xFF, 0xFF]),
      FileSignature("ORC", .refused("an ORC file", arrow("orc") { "read_table('\($0)')" }), skip: 1, binary: true),
      FileSignature("Obj", .refused("an Avro file", save), hex: [1]),
      FileSignature(
        "SQLite format 3", .refused("a SQLite database", .command { "sqlite3 -csv -header \($0) 'select * from TABLE'" }), hex: [0]),
      FileSignature("%PDF-", .refused("a PDF file", .words("a table cannot be read from it; look for the CSV"))),
      FileSignature("", .refused("an HDF5 file", save), hex: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]),
      FileSignature("", .refused("a NumPy array", save), hex: [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]),
      FileSignature("RDX", .refused("a file of R's save()", .words("write the table with write.csv(…, row.names = FALSE)")), skip: 1, then: "\nX\n"),
      FileSignature(
        "X\n", .refused("a file of R's saveRDS()", .words("write the table with write.csv(…, row.names = FALSE)")), hex: [0, 0, 0]),
      FileSignature("", iconv("UTF-32"), hex: [0xFF, 0xFE, 0, 0]),
      FileSignature("", iconv("UTF-32"), hex: [0, 0, 0xFE, 0xFF]),
      FileSignature("", iconv("UTF-16"), hex: [0xFF, 0xFE]),
      FileSignature("", iconv("UTF-16"), hex: [0xFE, 0xFF]),
    ]

  /// Lines that begin so, whatever their case and the blanks before them, are no header.
  private static let lines: [(start: String, meaning: Meaning)] =
    ["<!doctype", "<html", "<head", "<body", "<table", "<script", "<!--"].map {
      ($0, .refused("an HTML page", .words("often it tells of an error or asks for a login: look at it, and download the table again with curl -fL")))
    } + [
      ("<?xml", .refused("an XML document", save)),
      ("version https://git-lfs.", .refused("a Git LFS pointer in place of the file", .words("fetch the file with git lfs pull"))),
      ("version https://hawser.", .refused("a Git LFS pointer in place of the file", .words("fetch the file with git lfs pull"))),
      ("/annex/objects/", .refused("a git-annex pointer in place of the file", .words("fetch the file with git annex get"))),
    ]

  private func matches(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool { zip(pattern, bytes).allSatisfy { $0.matches($1) } }

  /// Whether more bytes could show a signature.
  static func isUndecided(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    all.contains { bytes.count < $0.pattern.count && $0.matches(bytes) }
  }

  static func find(_ bytes: UnsafeBufferPointer<UInt8>) -> FileSignature? { all.first { bytes.count >= $0.pattern.count && $0.matches(bytes) } }

  func failure(_ input: String, _ place: SignaturePlace) -> Failure { FileSignature.failure(meaning, input, place) }

  private static func failure(_ meaning: Meaning, _ input: String, _ place: SignaturePlace) -> Failure {
    guard case .refused(let what, let remedy) = meaning else { preconditionFailure("packed data are read") }
    let sentence = what.hasPrefix("the ") ? what : (place.unpackers.isEmpty ? "this is " : "what is packed is ") + what
    let text =
      switch remedy {
      case .filter(let command): "unpack it: " + place.filtered(by: command)
      case .command(let command): "make CSV of it: " + place.named(inQuotes: false, command)
      case .quoted(let command): "make CSV of it: " + place.named(inQuotes: true, command)
      case .words(let words): words
      }
    return Failure(.badData, sentence, at: .init(input: input), remedy: text)
  }

  /// What is wrong with text whose first line is whole, or nil: `bytes` begin with that line.
  static func refusal(ofText bytes: UnsafeBufferPointer<UInt8>, _ input: String, _ place: SignaturePlace) -> Failure? {
    let start = String(decoding: bytes.drop { $0 == 32 || $0 == 9 || $0 == 10 || $0 == 13 }.prefix(40), as: UTF8.self).lowercased()
    if let line = lines.first(where: { start.hasPrefix($0.start) }) { return failure(line.meaning, input, place) }
    let end = min(bytes.count, (bytes.firstIndex(of: 10) ?? bytes.count) + 2)
    guard bytes[..<end].contains(0) else { return nil }
    if bytes.count >= 262, bytes[257..<262].elementsEqual("ustar".utf8) {
      // tar unpacks a file by itself, and no stream.
      let unpack = place.file.map { "tar -xOf " + shellWord($0) } ?? place.filtered(by: "tar -xOf -")
      return Failure(.badData, "this is a tar archive", at: .init(input: input), remedy: "unpack the table: " + unpack)
    }
    if let name = wideEncoding(UnsafeBufferPointer(rebasing: bytes[..<end])) {
      return Failure(
        .badData, "the text is \(name)", at: .init(input: input), remedy: "convert it: " + place.filtered(by: "iconv -f \(name) -t UTF-8"))
    }
    return Failure(.badData, "a byte 0 in the first line: this is no text", at: .init(input: input), remedy: "a table is CSV, TSV or NDJSON")
  }

  /// UTF-16 or UTF-32 without a mark, told by where bytes 0 stand among those of the first line; nil where it is neither.
  private static func wideEncoding(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    func all(_ residue: Int, _ condition: (UInt8) -> Bool) -> Bool {
      stride(from: residue, to: bytes.count, by: 4).allSatisfy { condition(bytes[$0]) }
    }
    guard bytes.count >= 2, bytes.contains(where: { $0 != 0 }) else { return nil }
    // No character has a number above 10FFFF.
    if bytes.count >= 4, all(3, { $0 == 0 }), all(2, { $0 <= 16 }), bytes[0] != 0 || bytes[1] != 0 { return "UTF-32LE" }
    if bytes.count >= 4, all(0, { $0 == 0 }), all(1, { $0 <= 16 }) { return "UTF-32BE" }
    let zeros = bytes.indices.filter { bytes[$0] == 0 }
    let high = zeros.filter { $0 % 2 == 1 }.count
    // Letters of other scripts hold no byte 0, the line end does.
    let lineEnd = bytes.firstIndex(of: 10)
    let isLittle = high > zeros.count - high
    let isWideEnd = lineEnd.map { isLittle ? $0 % 2 == 0 && $0 + 1 < bytes.count && bytes[$0 + 1] == 0 : $0 % 2 == 1 && bytes[$0 - 1] == 0 } ?? false
    if isWideEnd || max(high, zeros.count - high) * 4 >= bytes.count { return isLittle ? "UTF-16LE" : "UTF-16BE" }
    return nil
  }
}
