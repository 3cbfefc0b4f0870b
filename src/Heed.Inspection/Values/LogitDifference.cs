namespace Heed.Inspection;

/// <summary>What is asked of a model, one number F: the score of one answer less that of another.</summary>
/// <param name="Target">Id or class whose score counts.</param>
/// <param name="Foil">Id or class whose score is subtracted; null: none.</param>
/// <param name="Position">Where scores are read, from 0, in the decoder of an encoder-decoder; null: the last token of a decoder, the mask
/// of a masked language model, the one row of a classifier of texts.</param>
/// <remarks>Zhang and Nanda 2023, arXiv:2309.16042: of the measures in use the one that hides least.</remarks>
public sealed record LogitDifference(int Target, int? Foil = null, int? Position = null);
