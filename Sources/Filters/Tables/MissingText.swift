/// What a field of delimited text says where there is no value: nothing, or one of the words that R, Python and JSON write.
public enum MissingText {
  @inlinable
  public static func matches(_ text: String) -> Bool {
    switch text {
    case "", "NA", "NaN", "nan", "null": true
    default: false
    }
  }

  static func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool { text.count <= 4 && matches(String(decoding: text, as: UTF8.self)) }
}
