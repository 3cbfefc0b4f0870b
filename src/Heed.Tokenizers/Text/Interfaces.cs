using System.Text.Json;

namespace Heed.Tokenizers.Text;

/// <summary>A part of the pipeline that can write itself as its object in tokenizer.json.</summary>
internal interface IPipelinePart
{
    /// <summary>Writes the JSON object, keys in the order Hugging Face writes them.</summary>
    void Write(Utf8JsonWriter json);
}

/// <summary>Rewrites text while it keeps track of where each character came from.</summary>
internal interface INormalizer : IPipelinePart
{
    /// <summary>Normalizes in place.</summary>
    void Normalize(NormalizedText text);
}

/// <summary>Cuts text into the pieces that the model sees one by one.</summary>
internal interface IPreTokenizer : IPipelinePart
{
    /// <summary>Cuts every piece further; may also rewrite the text of pieces.</summary>
    void PreTokenize(PreTokenizedText text);
}

/// <summary>Turns one piece into tokens.</summary>
internal interface ITokenModel : IPipelinePart
{
    /// <summary>Number of entries in the vocabulary.</summary>
    int VocabularySize { get; }

    /// <summary>The vocabulary in order of id.</summary>
    IEnumerable<KeyValuePair<string, int>> Vocabulary { get; }

    /// <summary>Appends the tokens of <paramref name="piece"/> (not empty), with offsets in UTF-16 units of the piece.</summary>
    void Tokenize(ReadOnlySpan<char> piece, TokenList tokens);

    /// <summary>The id of a token; −1 where it is not in the vocabulary.</summary>
    int IdOf(ReadOnlySpan<char> token);

    /// <summary>The token of an id; null where there is none.</summary>
    string? TokenOf(int id);
}

/// <summary>Joins the encodings of one or two texts and adds special tokens.</summary>
internal interface IPostProcessor : IPipelinePart
{
    /// <summary>Number of special tokens it adds.</summary>
    int AddedTokens(bool pair);

    /// <summary>Whether a single text comes out once, between special tokens; a template may leave it out or repeat it.</summary>
    bool FramesOnce => true;

    /// <summary>Rewrites the encodings (one a text; afterwards any number, to be joined in order).</summary>
    List<EncodingBuilder> Process(List<EncodingBuilder> encodings, bool addSpecialTokens);
}

/// <summary>Turns token texts back into text.</summary>
internal interface IDecoder : IPipelinePart
{
    /// <summary>One step of the chain: token texts in, token texts out; the last step's are joined.</summary>
    List<string> Decode(List<string> tokens);
}
