using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Files;
using Heed.Training.Runs;

namespace Heed.Training.Pretraining;

/// <summary>The teacher of a run: a masked language model that is read and not trained.</summary>
/// <param name="Model">With weights as inference holds them.</param>
/// <param name="Sum">SHA-256 of its values.</param>
internal sealed partial record PretrainingTeacher(MaskedLanguageModel Model, string Sum)
{
    /// <summary>The setting <c>model</c> of a student that is made of the teacher's layers.</summary>
    public const string HalfOf = "half-of-teacher";

    /// <summary>Opens the teacher of a run.</summary>
    /// <exception cref="ConfigException">It is no masked language model.</exception>
    /// <exception cref="InputException">The folder is damaged.</exception>
    public static PretrainingTeacher Open(PretrainingConfig config, TaskPreparation preparation)
    {
        preparation.Report("loading the teacher");
        (ModelFamily family, string architecture, _) = Describe(config);
        Model model = ModelFolder.Load(config.Teacher, new LoadOptions
        {
            Architecture = architecture,
            Warnings = preparation.Warnings
        }).Model;
        model.Parameters.Freeze("*");
        return new PretrainingTeacher((MaskedLanguageModel)model, SumOf(model));
    }

    /// <summary>The teacher's family, head and sizes.</summary>
    /// <exception cref="ConfigException">The folder does not exist, or its family has no head for masked tokens.</exception>
    public static ModelDescription Describe(PretrainingConfig config)
    {
        if (!Directory.Exists(config.Teacher))
            throw new ConfigException($"teacher: {config.Teacher} does not exist; name the folder of a masked language model.");
        ModelDescription found = ModelFolder.ReadConfig(config.Teacher);
        string? head = found.Family.HeadOf(found.Architecture) == HeadKind.MaskedLanguageModel ? found.Architecture
            : ModelFamilies.Heads(found.Family, found.Config.ModelType)
                .FirstOrDefault(a => found.Family.HeadOf(a) == HeadKind.MaskedLanguageModel);
        return head is not null ? found with { Architecture = head }
            : throw new ConfigException($"teacher: {config.Teacher} is {found.Architecture}, whose family has no head for masked tokens; "
                + "name the folder of a masked language model, such as a BERT.");
    }

    /// <summary>First values of a student with the teacher's sizes and fewer layers: layer i begins as the teacher's layer ⌊i·L ÷ l⌋, all
    /// else as the teacher's own.</summary>
    /// <param name="layers">l, the student's layers.</param>
    /// <param name="seed">Of what the teacher has not.</param>
    public ParameterSource ForStudent(int layers, ulong seed) => new Halved(Model, layers, ParameterSource.Random(seed));

    private static string SumOf(Model model)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Parameter p in model.Parameters)
        {
            float[] values = new float[p.Shape.Count];
            p.CopyTo(values);
            hash.AppendData(Encoding.UTF8.GetBytes(p.Name));
            hash.AppendData(MemoryMarshal.AsBytes<float>(values));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private sealed class Halved(MaskedLanguageModel teacher, int layers, ParameterSource otherwise) : ParameterSource
    {
        public override void Fill(Parameter parameter)
        {
            string name = LayerNumber().Replace(parameter.Name, m => string.Create(CultureInfo.InvariantCulture,
                $"{m.Groups[1].Value}{int.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture) * teacher.Config.Layers / layers}."), 1);
            if (teacher.Parameters.TryGet(name, out Parameter? from) && from.Shape == parameter.Shape) parameter.Assign(from.ToTensor());
            else otherwise.Fill(parameter);
        }
    }

    [GeneratedRegex(@"(\.(?:layers?|h|blocks?)\.)(\d+)\.", RegexOptions.CultureInvariant)]
    private static partial Regex LayerNumber();
}
