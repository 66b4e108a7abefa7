import Glibc

/// What the system says of an error number, by default that of the last failed call: "no such file or directory".
public func systemMessage(_ code: Int32 = errno) -> String {
  let text = String(cString: strerror(code))
  return text.prefix(1).lowercased() + text.dropFirst()
}
