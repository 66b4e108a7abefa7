/// The parts of a nested JSON value, as bytes.
public enum JSONMembers {
  /// Calls `member` with the content of each key and the raw value, for the bytes of one object; what it returns ends the walk as
  /// its fault. Returns what is wrong, or nil.
  public static func ofObject(
    _ raw: UnsafeBufferPointer<UInt8>, _ member: (_ key: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> String?
  ) -> String? {
    guard let base = raw.baseAddress else { return "not a JSON object" }
    return JSONObject.walk(base, from: 0, to: raw.count) { key, value in
      JSONText.unescape(UnsafeBufferPointer(rebasing: raw[key])).withUnsafeBufferPointer { member($0, UnsafeBufferPointer(rebasing: raw[value])) }
    }
  }

  /// The raw elements of the bytes of one array; nil where they are none.
  public static func ofArray(_ raw: UnsafeBufferPointer<UInt8>) -> [UnsafeBufferPointer<UInt8>]? {
    guard let base = raw.baseAddress, raw[0] == UInt8(ascii: "[") else { return nil }
    var elements: [UnsafeBufferPointer<UInt8>] = []
    var p = 1
    JSONText.skipBlanks(base, &p, raw.count)
    if p == raw.count - 1, raw[p] == UInt8(ascii: "]") { return [] }
    while true {
      let from = p
      // The word before a closing bracket ends there.
      if p < raw.count, raw[p] == 0x22 || raw[p] == UInt8(ascii: "{") || raw[p] == UInt8(ascii: "[") {
        guard JSONText.skipValue(base, &p, raw.count) else { return nil }
      } else {
        while p < raw.count, raw[p] != UInt8(ascii: ","), raw[p] != UInt8(ascii: "]"), raw[p] > 32 { p += 1 }
      }
      guard p > from else { return nil }
      elements.append(UnsafeBufferPointer(rebasing: raw[from..<p]))
      JSONText.skipBlanks(base, &p, raw.count)
      guard p < raw.count else { return nil }
      if raw[p] == UInt8(ascii: "]") { return p == raw.count - 1 ? elements : nil }
      guard raw[p] == UInt8(ascii: ",") else { return nil }
      p += 1
      JSONText.skipBlanks(base, &p, raw.count)
    }
  }
}
