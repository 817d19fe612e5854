// Finger in, words out: the C library's keyboard; native/include/edgectc.h says what each call does.

import CEdgectc
import Foundation

/// What was refused, and why; `reason` is "one_point" (a tap) and the like where points were no swipe, else "".
public struct EdgectcError: Error {
  public let message: String
  public let reason: String
}

/// A ranked word; `score` is a natural log, `exact` says that no better word was missed.
public struct Word: Equatable {
  public let text: String
  public let score: Double
  public let probability: Double
  public let exact: Bool
}

/// A key as it is touched, gaps included; any unit, y downwards. Without a letter it belongs to the board but spells nothing.
public struct Key {
  public let letter: Unicode.Scalar?
  public let x, y, width, height: Double

  public init(_ letter: Unicode.Scalar?, x: Double, y: Double, width: Double, height: Double) {
    self.letter = letter
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }
}

/// A point of a finger, in the unit of the keys, and its time from any origin.
public struct Point {
  public let x, y, tMs: Double

  public init(x: Double, y: Double, tMs: Double) {
    self.x = x
    self.y = y
    self.tMs = tMs
  }
}

/// A keyboard over one model; one thread at a time.
public final class Keyboard {
  private let handle: OpaquePointer
  private var files: [NSData] = [] // the library reads them where they lie

  /// Opens an artifact of `edgectc export --target native` with the lexicon and the language model beside it; files are mapped.
  /// Without a lexicon, languages are to be added.
  public init(model: URL, lexicon: URL? = nil, languageModel: URL? = nil) throws {
    guard let made = edgectc_keyboard_new() else {
      throw EdgectcError(message: "no memory for a keyboard", reason: "")
    }
    handle = made
    try check(edgectc_keyboard_open(handle, mapped(model), mapped(lexicon), mapped(languageModel)))
  }

  /// Adds a language that is written at the same time, a pack of `edgectc language build`; at most 4 with the model's own, which
  /// has no index. The words before the cursor are to be said again.
  public func add(index: URL?, lexicon: URL, languageModel: URL? = nil) throws {
    try check(edgectc_keyboard_add(handle, mapped(index), mapped(lexicon), mapped(languageModel)))
  }

  /// The probability that the next word is of each language, in their order; "own": the model's.
  public var languages: [(name: String, probability: Double)] {
    var found: [(name: String, probability: Double)] = []
    var probability = 0.0
    while let name = edgectc_keyboard_language(handle, Int32(found.count), &probability) {
      found.append((String(cString: name), probability))
    }
    return found
  }

  private func mapped(_ file: URL?) throws -> edgectc_file {
    guard let file else { return edgectc_file(at: nil, size: 0) }
    let data = try NSData(contentsOf: file, options: .alwaysMapped)
    files.append(data)
    return edgectc_file(at: data.bytes, size: data.length)
  }

  deinit { edgectc_keyboard_free(handle) }

  /// Runs the model's own reference cases on this processor.
  public func test() throws { try check(edgectc_keyboard_test(handle)) }

  /// Says where the keys lie now; call it at every change of their place or letters.
  public func place(_ keys: [Key]) throws {
    let rows = keys.map {
      edgectc_key(letter: Int32($0.letter?.value ?? 0), x: $0.x, y: $0.y, width: $0.width, height: $0.height)
    }
    try check(edgectc_keyboard_keys(handle, rows, Int32(rows.count)))
  }

  /// Says what stands before the cursor; `whole`: nothing stands before the text.
  public func before(_ text: String, whole: Bool = true) throws {
    try check(edgectc_keyboard_before(handle, plain(text), whole ? 1 : 0))
  }

  /// Makes ready what the next swipe would make first; call it when a word was committed.
  public func prepare() throws { try check(edgectc_keyboard_prepare(handle)) }

  /// Returns ranked words, best first; `moving`: the finger still moves.
  public func swipe(_ points: [Point], most: Int = 5, moving: Bool = false) throws -> [Word] {
    try ranked(points, most, moving, edgectc_keyboard_swipe(_:_:_:_:_:_:))
  }

  /// Returns corrected words of taps, best first; `moving`: the word goes on, and of no taps it is the next word.
  public func tap(_ taps: [Point], most: Int = 5, moving: Bool = false) throws -> [Word] {
    try ranked(taps, most, moving, edgectc_keyboard_tap(_:_:_:_:_:_:))
  }

  /// Returns words that are written in strokes, taps of one point and swipes of more in any order; `moving`: the word goes on.
  public func strokes(_ strokes: [[Point]], most: Int = 5, moving: Bool = false) throws -> [Word] {
    let rows = strokes.joined().map { edgectc_point(x: $0.x, y: $0.y, t_ms: $0.tMs) }
    let lengths = strokes.map { Int32($0.count) }
    return try listed(most) {
      edgectc_keyboard_strokes(handle, rows, lengths, Int32(lengths.count), moving ? Int32(EDGECTC_MOVING) : 0, $0, $1)
    }
  }

  /// Returns words that begin with the letters before the cursor, best first; of "", the next word.
  public func complete(_ begun: String = "", most: Int = 5) throws -> [Word] {
    try listed(most) { edgectc_keyboard_complete(handle, plain(begun), $0, $1) }
  }

  /// The letters of the keys that the last taps were nearest to.
  public var typed: String { String(cString: edgectc_keyboard_typed(handle)) }

  /// Counts uses of a word, new or known, and shows it again if it was hidden.
  public func teach(_ word: String, uses: Double = 1) throws {
    try check(edgectc_keyboard_teach(handle, plain(word), uses))
  }

  /// Learns a word that was written, or takes uses below 0 back; false where nothing is learnt: incognito, or it is hidden.
  @discardableResult public func learn(_ word: String, uses: Double = 1) throws -> Bool {
    let status = edgectc_keyboard_learn(handle, plain(word), uses)
    try check(status)
    return status == 1
  }

  /// Says which day it is, 0 to 1e6 from any origin that stays the same; what was learnt fades with it.
  public func today(_ day: Double) throws { try check(edgectc_keyboard_today(handle, day)) }

  /// While it is on, nothing is learnt or taught; where it goes on or off, what was written is forgotten.
  public func incognito(_ on: Bool) throws { try check(edgectc_keyboard_incognito(handle, on ? 1 : 0)) }

  /// Never ranks a word, in whatever case, though it be learnt.
  public func hide(_ word: String) throws { try check(edgectc_keyboard_hide(handle, plain(word))) }

  /// Favours a word, such as a contact's name, by nats until told otherwise; false if it cannot be typed.
  @discardableResult public func favour(_ word: String, nats: Double, spelling: String? = nil) throws -> Bool {
    let status = edgectc_keyboard_favour(handle, plain(word), spelling.map(plain), nats)
    try check(status)
    return status == 1
  }

  /// Forgets all about a word that was taught or hidden.
  public func forget(_ word: String) throws { try check(edgectc_keyboard_forget(handle, plain(word))) }

  /// Whether the lexicon has a word, in any case.
  public func knows(_ word: String) -> Bool { edgectc_keyboard_knows(handle, plain(word)) == 1 }

  /// Writes the user's words to a file that only this user can read, whole or not at all.
  public func save(to file: URL) throws { try check(edgectc_keyboard_save(handle, file.path)) }

  /// Reads the words of such a file in place of all there are.
  public func load(from file: URL) throws { try check(edgectc_keyboard_load(handle, file.path)) }

  private typealias Ranking = (
    OpaquePointer?, UnsafePointer<edgectc_point>?, Int32, Int32, UnsafeMutablePointer<edgectc_word>?, Int32
  ) -> Int32

  private func ranked(_ points: [Point], _ most: Int, _ moving: Bool, _ rank: Ranking) throws -> [Word] {
    let rows = points.map { edgectc_point(x: $0.x, y: $0.y, t_ms: $0.tMs) }
    return try listed(most) { rank(handle, rows, Int32(rows.count), moving ? Int32(EDGECTC_MOVING) : 0, $0, $1) }
  }

  private func listed(_ most: Int, _ write: (UnsafeMutablePointer<edgectc_word>, Int32) -> Int32) throws -> [Word] {
    var words = [edgectc_word](repeating: edgectc_word(), count: max(1, min(most, 1000)))
    let found = words.withUnsafeMutableBufferPointer { write($0.baseAddress!, Int32($0.count)) }
    if found < 0 { throw refusal(reason: String(cString: edgectc_keyboard_reason(handle))) }
    return words.prefix(Int(found)).map {
      Word(text: String(cString: $0.text), score: $0.score, probability: $0.probability, exact: $0.exact == 1)
    }
  }

  private func plain(_ text: String) -> String {
    text.precomposedStringWithCanonicalMapping.replacingOccurrences(of: "\0", with: " ")
  }

  private func check(_ status: Int32) throws {
    if status < 0 { throw refusal(reason: "") }
  }

  private func refusal(reason: String) -> EdgectcError {
    EdgectcError(message: String(cString: edgectc_keyboard_error(handle)), reason: reason)
  }
}
