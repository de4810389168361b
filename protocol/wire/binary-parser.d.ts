// binary-parser 2.3.0 publishes no types under NodeNext; these are the ones it ships beside its code.
declare module 'binary-parser' {
  export { Parser } from 'binary-parser/dist/binary_parser.js'
}
