// Proof files: what a log hands to somebody who wants to check a record, or that nothing was taken back.
//
// An inclusion proof is c2sp.org/tlog-proof@v1, whose extra line holds the leaf (format/event_leaf.h):
//
//   c2sp.org/tlog-proof@v1                            holdfast-consistency-proof@v1
//   extra <leaf>                                      old <size of the older tree>
//   index <offset of the record>                      new <size of the newer tree>
//   <hash>                                            <hash>
//   ...                                               ...
//
//   <the signed checkpoint>                           <the signed checkpoint of the newer tree>
//
// Leaf and hashes are base64. A consistency proof is about a checkpoint that its reader has kept. Both decoders accept
// exactly what the encoders write.
#pragma once

#include <string>
#include <string_view>

#include <holdfast/proof.h>
#include <holdfast/result.h>

namespace holdfast::log {

// Pre: no more hashes than proof::kPathHashesMax.
std::string encode_proof(const proof::InclusionProof& proof);
std::string encode_proof(const proof::ConsistencyProof& proof);

// Total. What they answer is well formed and not yet checked. Errors: corruption.
Result<proof::InclusionProof> decode_inclusion_proof(std::string_view text);
Result<proof::ConsistencyProof> decode_consistency_proof(std::string_view text);

}  // namespace holdfast::log
