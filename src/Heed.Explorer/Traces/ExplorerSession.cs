using System.Security.Cryptography;
using System.Text;
using Heed.Generation;
using Heed.Inspection;
using Heed.Models;

namespace Heed.Explorer.Traces;

/// <summary>The opened model and what the pages read of it.</summary>
internal sealed class ExplorerSession : IDisposable
{
    /// <summary>Tokens of a text, at most: pictures of more show nothing.</summary>
    public const int MostTokens = 256;

    /// <summary>Tokens that a decoder writes by itself, to have something to show.</summary>
    private const int OwnTokens = 12;

    private const int Sample = 1 << 20;

    private readonly Dictionary<string, string> _written = new(StringComparer.Ordinal);

    public ExplorerSession(HeedModel opened, IModelFiles files, ExplorerOptions options)
    {
        Opened = opened;
        Files = files;
        Layout = ModelLayout.Of(opened.Model);
        Inputs = new TextInputs(opened);
        Fingerprint = FingerprintOf(files);
        Inspector = new Inspector(opened);
        Runner = new TraceRunner(Inspector, Layout, Fingerprint);
        Traces = new TraceStore(Runner, options.TraceBytes);
        Weights = new WeightPlaces(opened.Model, files);
    }

    /// <summary>Model and tokenizer.</summary>
    public HeedModel Opened { get; }

    /// <summary>The model.</summary>
    public Model Model => Opened.Model;

    /// <summary>Its folder.</summary>
    public IModelFiles Files { get; }

    /// <summary>Its attentions.</summary>
    public ModelLayout Layout { get; }

    /// <summary>Reads texts.</summary>
    public TextInputs Inputs { get; }

    /// <summary>Looks into the model: whatever a page shows of a run comes from it.</summary>
    public Inspector Inspector { get; }

    /// <summary>Runs the model.</summary>
    public TraceRunner Runner { get; }

    /// <summary>The runs of late.</summary>
    public TraceStore Traces { get; }

    /// <summary>Where weights lie in their files.</summary>
    public WeightPlaces Weights { get; }

    /// <summary>SHA-256 over the weight files' names, lengths, first and last MiB: which weights these are.</summary>
    public string Fingerprint { get; }

    /// <summary>The name that inspection has for a stack: that of a model's one stack is not empty there.</summary>
    public string InspectedName(StackSite stack) => Inspector.Parts.First(p => p.Prefix == stack.Prefix).Name;

    /// <summary>Tokens that are read of a text.</summary>
    public int LongestText => Math.Min(MostTokens, Model.Config.MaximumLength);

    /// <summary>True for decoders with an encoder.</summary>
    public bool HasEncoderAndDecoder => Model is SequenceToSequenceModel;

    /// <summary>The trace of a text; of an encoder-decoder also of what its decoder has written, by itself if nothing is given.</summary>
    public async Task<Trace> TraceAsync(string text, string? decoderText, IReadOnlyList<string> interventions,
        CancellationToken cancellationToken)
    {
        if (Layout.Stacks.Count == 0)
        {
            throw new InputException($"{Opened.Folder}: {Model.Architecture} has no attention to show; the Explorer opens decoders, "
                + "encoders and encoder-decoders with attention.");
        }

        if (interventions.Count > Intervention.Most)
            throw new InputException($"iv: has {interventions.Count} interventions; up to {Intervention.Most} were expected.");
        TextInput input = Inputs.Read(text, LongestText);
        if (input.Tokens.Count == 0) throw new InputException("text: has no token; type at least one word.");
        TextInput? decoder = HasEncoderAndDecoder
            ? Inputs.Read(decoderText ?? await WriteAsync(text, input, cancellationToken).ConfigureAwait(false), LongestText, decoder: true)
            : null;
        Intervention[] changes = [.. interventions.Select(t => Intervention.Parse(t, Layout))];
        return await Traces.GetAsync(input, decoder, changes, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Traces.Dispose();
        Opened.Dispose();
    }

    /// <summary>What the decoder writes for a text, greedily.</summary>
    private async Task<string> WriteAsync(string text, TextInput input, CancellationToken cancellationToken)
    {
        lock (_written)
        {
            if (_written.TryGetValue(text, out string? known)) return known;
        }

        GenerationConfig config = Opened.Generation with
        {
            MaxNewTokens = OwnTokens,
            MaxLength = null,
            Sample = false,
            Beams = 1,
            ReturnSequences = 1,
            MinLength = 0,
            MinNewTokens = null
        };
        string written;
        if (Inputs.Tokenizer is not null)
        {
            written = (await Opened.GenerateAsync(text, config, cancellationToken).ConfigureAwait(false)).Trim();
        }
        else
        {
            // Without a tokenizer: ids, some of the text's own.
            written = string.Join(' ', input.Ids.Take(Math.Min(4, input.Ids.Length)));
        }

        lock (_written) _written[text] = written;
        return written;
    }

    private static string FingerprintOf(IModelFiles files)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string name in files.List("").Where(n => n.EndsWith(".safetensors", StringComparison.Ordinal)
            || n.EndsWith(".bin", StringComparison.Ordinal) || n is "config.json" or "tokenizer.json"))
        {
            using ModelFile file = files.Open(name);
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {file.Length}\n"));
            byte[] bytes = new byte[(int)Math.Min(file.Length, Sample)];
            file.Read(0, bytes);
            hash.AppendData(bytes);
            file.Read(file.Length - bytes.Length, bytes);
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
